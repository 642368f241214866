// What went through each tunnel lately: the service tells the rate of its latest look alone, and the page keeps those that
// it was told, for as long as it is open.
import type { Connection } from './api';
import { store } from './store.svelte';

export interface Look {
  at: string;
  incoming: number;
  outgoing: number;
}

/** How many looks are kept of each. */
export const KEPT = 24;
const NONE: Look[] = [];
let looks = $state.raw(new Map<string, Look[]>());

function note(connections: Connection[]) {
  const after = new Map<string, Look[]>();
  let isNew = connections.length !== looks.size;
  for (const { id, rates, state } of connections) {
    const before = looks.get(id) ?? NONE;
    const isSeen = !rates || state !== 'up' || before.at(-1)?.at === rates.until;
    isNew ||= !isSeen;
    after.set(id, isSeen ? before : [...before, { at: rates.until, incoming: rates.bytes_in, outgoing: rates.bytes_out }].slice(-KEPT));
  }
  if (isNew) looks = after;
}

/** Keeps them from here on; what is answered ends it. */
export const noteRates = () =>
  $effect.root(() => {
    $effect(() => note(store.connections.items));
  });

/** Those of one, oldest first. */
export const lately = (id: string): Look[] => looks.get(id) ?? NONE;
