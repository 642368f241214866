// Where everything is on the map: the same for the same things, whatever happened in between.
import type { Connection } from './api';
import { isPaused } from './status';

export const ROW = 44;
const GAP = 22;
const NODE = 34;
/** A gateway with more connections than this shows some of them, those that are not up first, and the others as one. */
const FOLD = 10;
const SHOWN = 6;
/** On a map of more connections than this, gateways show but a few that are not up, each; one sees at a glance where those are. */
const MANY = 100;
const FEW = 3;
/** The curves to more peers than this would run into one. */
export const FAN = 16;

export interface PeerNode {
  key: string;
  y: number;
  /** One connection; several, where they are folded, or could be again. */
  connections: Connection[];
  kind: 'one' | 'folded' | 'unfolded';
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

// By what a name's digits stand for: the tenth comes after the second, for everybody alike.
const collator = new Intl.Collator('en', { numeric: true });
const byName = (a: { name: string; id: string }, b: { name: string; id: string }) => collator.compare(a.name, b.name) || (a.id < b.id ? -1 : 1);

const rank = (one: Connection) => (isPaused(one) ? 1 : one.state === 'up' ? 2 : 0);

/** What a gateway shows of many: what needs somebody is never folded away before what does not. */
function first(all: Connection[], isMany: boolean): Connection[] {
  if (isMany) return all.filter((one) => rank(one) === 0).slice(0, FEW);
  return all.toSorted((a, b) => rank(a) - rank(b)).slice(0, SHOWN);
}

interface Known {
  find(id: string): { name: string; addresses: string[]; mode: string } | undefined;
}

/** Lays out connections; `open` are the gateways that show all of theirs, `alone` those that may have none. */
export function layOut(connections: Connection[], gateways: Known, open: Set<string>, alone: string[] = []): { nodes: GatewayNode[]; height: number } {
  const isMany = connections.length > MANY;
  const groups = new Map<string, Connection[]>();
  for (const one of connections) {
    const group = groups.get(one.gateway);
    if (group) group.push(one);
    else groups.set(one.gateway, [one]);
  }
  for (const id of alone) if (!groups.has(id)) groups.set(id, []);
  const sorted = [...groups].map(([id, all]) => {
    const gateway = gateways.find(id);
    const isByRoutes = gateway?.mode === 'route';
    return { id, isByRoutes, name: gateway?.name ?? id.slice(0, 8), address: gateway?.addresses[0] ?? all[0]?.local.address ?? '', all: all.toSorted(byName) };
  });
  sorted.sort(byName);
  let y = 8;
  const nodes: GatewayNode[] = [];
  for (const { id, isByRoutes, name, address, all } of sorted) {
    const isLarge = isMany ? all.length > FEW + 1 : all.length > FOLD;
    const isFolded = isLarge && !open.has(id);
    const shown = new Set(isFolded ? first(all, isMany) : all);
    const rest = isFolded ? all.filter((one) => !shown.has(one)) : all;
    const ones = all.filter((one) => shown.has(one)).map((one) => ({ key: one.id, connections: [one], kind: 'one' as const }));
    const fold = isLarge && rest.length > 0 ? [{ key: `${id}-rest`, connections: rest, kind: isFolded ? ('folded' as const) : ('unfolded' as const) }] : [];
    // What folds them again stands where one unfolded them, before many others.
    const peers: PeerNode[] = (isFolded ? [...ones, ...fold] : [...fold, ...ones]).map((peer, at) => ({ ...peer, y: y + at * ROW }));
    // Of a gateway in route mode any address is at this end; what is there, routes say.
    const cidrs = isByRoutes ? [] : [...new Set(all.flatMap((one) => one.local.cidrs))].sort();
    const listed = cidrs.length > 8 ? [...cidrs.slice(0, 7), `and ${cidrs.length - 7} more`] : cidrs;
    const rows = Math.max(peers.length, listed.length, 1);
    // Before very many, the gateway is at the top, where one looks for it.
    const middle = peers.length > FAN ? y + ((listed.length - 1) * ROW) / 2 : y + ((rows - 1) * ROW) / 2;
    const top = middle - ((listed.length - 1) * ROW) / 2;
    nodes.push({ id, name, address, y: middle, peers: peers.length > FAN ? peers : center(peers, middle), locals: listed.map((cidr, at) => ({ cidr, y: top + at * ROW })), all });
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
