// The link and the passphrase of a request that was just made: told once, and kept nowhere.
import type { Schemas } from '../lib/api';

let told = $state.raw<{ id: string; secret: Schemas['LinkShape'] } | null>(null);

export const toldOnce = {
  get now() {
    return told;
  },
  tell(id: string, secret: Schemas['LinkShape']) {
    told = { id, secret };
  },
  forget() {
    told = null;
  },
};
