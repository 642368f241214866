// Where everything is on the map: the same for the same things, whatever happened in between.
import type { Connection } from './api';
import { isPaused } from './status';

export const ROW = 44;
const GAP = 22;
const NODE = 34;
/** A gateway with more connections than this shows those that are not up, and some more. */
const FOLD = 10;
const SHOWN = 6;

export interface PeerNode {
  key: string;
  y: number;
  /** One connection; several, where they are folded. */
  connections: Connection[];
  folded: boolean;
}

export interface GatewayNode {
  id: string;
  name: string;
  address: string;
  y: number;
  peers: PeerNode[];
  locals: { cidr: string; y: number }[];
  all: Connection[];
}

const byName = (a: { name: string; id: string }, b: { name: string; id: string }) =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1;

const rank = (one: Connection) => (isPaused(one) ? 1 : one.state === 'up' ? 2 : 0);

interface Known {
  find(id: string): { name: string; addresses: string[] } | undefined;
}

/** Lays out connections; `open` are the gateways that show all of theirs. */
export function layOut(connections: Connection[], gateways: Known, open: Set<string>): { nodes: GatewayNode[]; height: number } {
  const groups = new Map<string, Connection[]>();
  for (const one of connections) {
    const group = groups.get(one.gateway);
    if (group) group.push(one);
    else groups.set(one.gateway, [one]);
  }
  const sorted = [...groups].map(([id, all]) => {
    const gateway = gateways.find(id);
    return { id, name: gateway?.name ?? id.slice(0, 8), address: gateway?.addresses[0] ?? all[0]?.local.address ?? '', all: all.toSorted(byName) };
  });
  sorted.sort(byName);
  let y = 8;
  const nodes: GatewayNode[] = [];
  for (const { id, name, address, all } of sorted) {
    const fold = all.length > FOLD && !open.has(id);
    // What needs somebody is never folded away before what does not.
    const shown = fold ? all.toSorted((a, b) => rank(a) - rank(b)).slice(0, SHOWN).toSorted(byName) : all;
    const rest = fold ? all.filter((one) => !shown.includes(one)) : [];
    const peers: PeerNode[] = shown.map((one, at) => ({ key: one.id, y: y + at * ROW, connections: [one], folded: false }));
    if (rest.length > 0) peers.push({ key: `${id}-rest`, y: y + peers.length * ROW, connections: rest, folded: true });
    const cidrs = [...new Set(all.flatMap((one) => one.local.cidrs))].sort();
    const listed = cidrs.length > 8 ? [...cidrs.slice(0, 7), `and ${cidrs.length - 7} more`] : cidrs;
    const rows = Math.max(peers.length, listed.length, 1);
    const middle = y + ((rows - 1) * ROW) / 2;
    const top = middle - ((listed.length - 1) * ROW) / 2;
    nodes.push({ id, name, address, y: middle, peers: center(peers, middle), locals: listed.map((cidr, at) => ({ cidr, y: top + at * ROW })), all });
    y += rows * ROW + GAP;
  }
  return { nodes, height: Math.max(y - GAP + 4, NODE) };
}

function center(peers: PeerNode[], middle: number): PeerNode[] {
  const first = peers[0];
  const last = peers.at(-1);
  if (!first || !last) return peers;
  const shift = middle - (first.y + last.y) / 2;
  return peers.map((peer) => ({ ...peer, y: peer.y + shift }));
}
