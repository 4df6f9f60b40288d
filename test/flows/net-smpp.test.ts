import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startGateway, type TestGateway } from '../support/gateway.ts'

/** Debian's libnet-smpp-perl; `.ci/run` installs it and demands it. */
const isThere = spawnSync('perl', ['-MNet::SMPP', '-e', '1']).status === 0
const isRequired = process.env['REQUIRE_NET_SMPP'] === '1'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway.stop())

/** Binds as it is told, sends a message, awaits the receipt, unbinds; a line for each step. */
const script = String.raw`
use strict; use Net::SMPP; $| = 1;
my ($port, $how, $name, $password) = @ARGV;
my $new = "new_$how";
my ($smpp, $answer) = Net::SMPP->$new('127.0.0.1', port => $port, system_id => $name,
  password => $password, smpp_version => 0x34, async => 0);
printf "bind %d %s\n", $answer->{status}, $answer->{system_id} // '' if $answer;
exit 0 unless $smpp && $answer && $answer->{status} == 0;
if ($how ne 'receiver') {
  my $sent = $smpp->submit_sm(source_addr => 'sallyport', destination_addr => '41793026727',
    short_message => 'Hello from Perl', registered_delivery => 1);
  printf "submit %d %s\n", $sent->{status}, $sent->{message_id};
}
if ($how eq 'transceiver') {
  my $pdu = $smpp->read_pdu();
  printf "deliver %#x %s\n", $pdu->{cmd}, $pdu->{short_message};
  $smpp->deliver_sm_resp(seq => $pdu->{seq}, message_id => '');
}
my $bye = $smpp->unbind();
printf "unbind %d\n", $bye->{status};
`

const run = async (how: string, name: string, password: string): Promise<string[]> => {
  const args = ['-e', script, String(gateway.smppPort), how, name, password]
  const child = spawn('perl', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await once(child, 'close')
  return said.trimEnd().split('\n')
}

test.skipIf(!isThere && !isRequired)(
  'Net::SMPP binds as alice, gets its message id and its receipt, and unbinds',
  async () => {
    const lines = await run('transceiver', 'alice', 'sandbox-alice-1')
    expect(lines).toHaveLength(4)
    expect(lines[0]).toBe('bind 0 sandbox')
    const id = /^submit 0 (\d{10})$/.exec(lines[1] ?? '')?.[1]
    expect(id).toBeDefined()
    expect(lines[2]).toMatch(`deliver 0x5 id:${id ?? ''} sub:001 dlvrd:001`)
    expect(lines[2]).toMatch(/stat:DELIVRD err:000 text:Hello from Perl$/)
    expect(lines[3]).toBe('unbind 0')
  },
)

test.skipIf(!isThere && !isRequired)(
  'Net::SMPP binds as transmitter and as receiver, and others are refused',
  async () => {
    expect(await run('transmitter', 'alice', 'sandbox-alice-1')).toEqual([
      'bind 0 sandbox',
      expect.stringMatching(/^submit 0 \d{10}$/),
      'unbind 0',
    ])
    expect(await run('receiver', 'alice', 'sandbox-alice-1')).toEqual([
      'bind 0 sandbox',
      'unbind 0',
    ])
    for (const [name, password] of [
      ['alice', 'wrong-password'],
      ['bob', 'sandbox-bob-01'],
      ['carol', 'sandbox-carol-1'],
      ['dave', 'sandbox-dave-01'],
      ['nobody', 'sandbox-alice-1'],
    ] as const)
      expect(await run('transceiver', name, password)).toEqual(['bind 13'])
  },
)
