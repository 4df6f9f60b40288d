import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { answers, freePort, type Core, type Stage, type Started } from '../stage.ts'

export type Listening = {
  readonly url: string
  readonly proxy: Started
  /** Where the load on it runs, if not on the core of the load. */
  readonly loadOn?: Core
}

/** Octets of the small answer. */
export const SMALL = 200
/** Octets of a big body, either way. */
export const BIG = 1_048_576

/** One process, everything in one folder, connections that are never closed for their age. */
const confOf = (folder: string, http: string): string => `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log warn;
worker_rlimit_nofile 4096;
events { worker_connections 2048; }
http {
  access_log off;
  default_type application/json;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  client_max_body_size 0;
  client_body_buffer_size 2m;
  proxy_max_temp_file_size 0;
  proxy_buffer_size 16k;
  proxy_buffers 16 64k;
  proxy_busy_buffers_size 256k;
  sendfile on;
  tcp_nodelay on;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join('\n  ')}
${http}
}
`

/** Starts nginx with these blocks of its http section. */
const startNginx = async (
  stage: Stage,
  core: Core,
  name: string,
  http: (port: number, folder: string) => string,
): Promise<Listening> => {
  const folder = join(stage.folder, name)
  mkdirSync(folder)
  const port = await freePort()
  const conf = join(folder, 'nginx.conf')
  writeFileSync(conf, confOf(folder, http(port, folder)))
  const proxy = stage.start(core, 'nginx', ['-e', `${folder}/error.log`, '-p', folder, '-c', conf])
  const url = `http://127.0.0.1:${port}`
  await answers(proxy, url)
  return { url, proxy }
}

const smallAnswer = `{"messages":[{"messageId":"0","to":"41793026727"}],"rest":"`

/** What stands behind every proxy: 200 octets of JSON, a big file, and a place that swallows. */
export const startUpstream = (stage: Stage, core: Core = 'load'): Promise<Listening> =>
  startNginx(stage, core, `upstream-${core}`, (port, folder) => {
    mkdirSync(join(folder, 'files'))
    const filled = smallAnswer.padEnd(SMALL - 2, '.') + '"}'
    writeFileSync(join(folder, 'files', 'big'), Buffer.alloc(BIG, 'x'))
    // `return` answers before the body is there, so what swallows it is a proxy to itself that
    // has read the whole of it and passes none of it on.
    return `
  upstream self { server 127.0.0.1:${port}; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=1024;
    location / { return 200 '${filled}'; }
    location = /big { root ${folder}/files; }
    location = /swallow {
      proxy_pass http://self/;
      proxy_http_version 1.1;
      proxy_method GET;
      proxy_pass_request_body off;
      proxy_set_header Connection "";
      proxy_set_header Content-Length "";
    }
  }`
  })

const proxyTo = (upstream: Listening): string => `
  upstream behind {
    server ${upstream.url.slice('http://'.length)};
    keepalive 128;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
  }`

const passOn = `
      proxy_pass http://behind;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;`

/** nginx as a proxy that asks nothing. */
export const startBareNginx = (stage: Stage, upstream: Listening): Promise<Listening> =>
  startNginx(
    stage,
    'proxy',
    'bare',
    (port) => `${proxyTo(upstream)}
  server {
    listen 127.0.0.1:${port} backlog=1024;
    location / {${passOn}
    }
  }`,
  )

/** nginx as a guard: addresses by `allow`, passwords by bcrypt of cost 10, nothing remembered. */
export const startGuardingNginx = async (
  stage: Stage,
  upstream: Listening,
  guard: {
    readonly user: { readonly username: string; readonly password: string }
    readonly ranges: readonly string[]
  },
): Promise<Listening> => {
  const { username, password } = guard.user
  const line = await stage.run('load', 'htpasswd', ['-nbB', '-C', '10', username, password])
  return startNginx(stage, 'proxy', 'guarding', (port, folder) => {
    writeFileSync(join(folder, 'htpasswd'), line)
    return `${proxyTo(upstream)}
  server {
    listen 127.0.0.1:${port} backlog=1024;
    ${guard.ranges.map((range) => `allow ${range};`).join('\n    ')}
    deny all;
    auth_basic "bench";
    auth_basic_user_file ${folder}/htpasswd;
    location / {${passOn}
    }
  }`
  })
}
