// The key of a connection that was just made: shown there once, and kept nowhere.

let made = $state.raw<{ id: string; psk: string } | null>(null);

export const justMade = {
  get now() {
    return made;
  },
  tell(id: string, psk: string) {
    made = { id, psk };
  },
  forget() {
    made = null;
  },
};
