// What is found of all that is known here.
import type { IconName } from '../parts/Icon.svelte';
import type { Connection } from './api';
import { reasonTitle } from './status';
import { store } from './store.svelte';

export interface Found {
  title: string;
  detail?: string;
  kind: string;
  icon: IconName;
  path: string;
}

/** Finds connections by all words of a text: by what they are called, by their addresses, their gateway, and why they are not up. */
export function byWords(text: string): (one: Connection) => boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return (one) => {
    const gateway = store.gateways.find(one.gateway)?.name;
    const reasons = one.reasons.map(({ code }) => reasonTitle(code));
    const said = [one.name, one.id, gateway, one.peer.address, one.peer.host, one.local.address, ...one.peer.cidrs, ...one.local.cidrs, ...reasons];
    const all = said.join('\n').toLowerCase();
    return words.every((word) => all.includes(word));
  };
}

const PAGES: Found[] = [
  { title: 'Overview', kind: 'page', icon: 'overview', path: '/' },
  { title: 'Connections', kind: 'page', icon: 'connection', path: '/connections' },
  { title: 'New connection', kind: 'page', icon: 'plus', path: '/connections/new' },
  { title: 'Topology', kind: 'page', icon: 'topology', path: '/topology' },
  { title: 'VPNs: IKE policies', kind: 'page', icon: 'vpn', path: '/vpns/ike-policies' },
  { title: 'VPNs: IPsec policies', kind: 'page', icon: 'vpn', path: '/vpns/ipsec-policies' },
  { title: 'VPNs: gateways', kind: 'page', icon: 'vpn', path: '/vpns/gateways' },
  { title: 'VPNs: IPsec site connections', kind: 'page', icon: 'vpn', path: '/vpns/site-connections' },
  { title: 'Can A reach B?', kind: 'page', icon: 'reach', path: '/networks/reachability' },
  { title: 'VPNs: endpoint groups', kind: 'page', icon: 'vpn', path: '/vpns/endpoint-groups' },
  { title: 'Networks', kind: 'page', icon: 'network', path: '/networks' },
  { title: 'Onboarding', kind: 'page', icon: 'onboarding', path: '/onboarding' },
];

interface Kind<T> {
  kind: string;
  icon: IconName;
  items: T[];
  path: (item: T) => string;
  detail: (item: T) => string[];
}

function* kinds(): Generator<Kind<{ id: string; name: string }>> {
  const kind = <T extends { id: string; name: string }>(one: Kind<T>) => one as unknown as Kind<{ id: string; name: string }>;
  yield kind({
    kind: 'connection',
    icon: 'connection',
    items: store.connections.items,
    path: ({ id }) => `/connections/${id}`,
    detail: ({ peer, local }) => [peer.host ?? peer.address, ...peer.cidrs, ...local.cidrs, local.address],
  });
  yield kind({
    kind: 'gateway',
    icon: 'vpn',
    items: store.gateways.items,
    path: ({ id }) => `/vpns/gateways/${id}`,
    detail: ({ addresses }) => addresses,
  });
  for (const [title, list, path] of [
    ['IKE policy', store.ikePolicies, 'ike-policies'],
    ['IPsec policy', store.ipsecPolicies, 'ipsec-policies'],
  ] as const) {
    yield kind({
      kind: title,
      icon: 'key',
      items: list.items as { id: string; name: string; parameters: { encryption: string[] } }[],
      path: ({ id }) => `/vpns/${path}/${id}`,
      detail: ({ parameters }) => parameters.encryption,
    });
  }
  yield kind({
    kind: 'endpoint group',
    icon: 'vpn',
    items: store.endpointGroups.items,
    path: ({ id }) => `/vpns/endpoint-groups/${id}`,
    detail: ({ endpoints }) => endpoints,
  });
  yield kind({ kind: 'network', icon: 'network', items: store.networks.items, path: ({ id }) => `/networks/networks/${id}`, detail: () => [] });
  yield kind({
    kind: 'floating IP',
    icon: 'network',
    items: store.floatingIps.items,
    path: ({ id }) => `/networks/floating-ips/${id}`,
    detail: ({ address, machine_address }) => (machine_address ? [address, machine_address] : [address]),
  });
  yield kind({
    kind: 'security group',
    icon: 'vpn',
    items: store.securityGroups.items,
    path: ({ id }) => `/networks/security-groups/${id}`,
    detail: () => [],
  });
  yield kind({ kind: 'router', icon: 'network', items: store.routers.items, path: ({ id }) => `/networks/routers/${id}`, detail: () => [] });
  yield kind({
    kind: 'subnet',
    icon: 'network',
    items: store.subnets.items,
    path: ({ id }) => `/networks/subnets/${id}`,
    detail: ({ cidr }) => [cidr],
  });
  yield kind({
    kind: 'machine',
    icon: 'screen',
    items: store.machines.items,
    path: ({ id }) => `/networks/machines/${id}`,
    detail: ({ address }) => [address],
  });
  yield kind({
    kind: 'request',
    icon: 'onboarding',
    items: store.requests.items,
    path: ({ id }) => `/onboarding/${id}`,
    detail: ({ recipient, peer_address }) => [recipient, peer_address],
  });
}

const MOST = 30;

export function matches(text: string): Found[] {
  const wanted = text.trim().toLowerCase();
  const pages = PAGES.filter(({ title }) => title.toLowerCase().includes(wanted));
  if (!wanted) return pages;
  const found: Found[] = [];
  for (const { kind, icon, items, path, detail } of kinds()) {
    for (const item of items) {
      const all = detail(item);
      if (![item.name, item.id, ...all].some((one) => one.toLowerCase().includes(wanted))) continue;
      found.push({ title: item.name || item.id, detail: all.slice(0, 4).join(' · '), kind, icon, path: path(item) });
      if (found.length >= MOST) return found;
    }
  }
  return [...found, ...pages];
}
