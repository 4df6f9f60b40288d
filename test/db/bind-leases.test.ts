import { createEmbeddedBindLeases } from '../../db/bind-leases.ts'
import { bindLeasesContract } from './bind-leases.contract.ts'

bindLeasesContract('embedded', (clock) => createEmbeddedBindLeases(() => clock.at))
