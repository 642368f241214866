// A rule's parts, as people read them.
import type { Schemas } from '../lib/api';
import { store } from '../lib/store.svelte';

type Rule = Schemas['SecurityRuleShape'];

export function portsOf({ protocol, port_min, port_max }: Pick<Rule, 'protocol' | 'port_min' | 'port_max'>): string {
  if (port_min === null || port_min === undefined) return 'any';
  if (protocol?.includes('icmp')) return `type ${port_min}${port_max === null || port_max === undefined ? '' : `, code ${port_max}`}`;
  return port_min === port_max || port_max === null || port_max === undefined ? String(port_min) : `${port_min}–${port_max}`;
}

export function remoteOf({ remote }: Pick<Rule, 'remote'>): string {
  if (!remote) return 'anybody';
  if ('cidr' in remote) return remote.cidr;
  return `machines of ${store.securityGroups.find(remote.group)?.name ?? remote.group.slice(0, 8)}`;
}
