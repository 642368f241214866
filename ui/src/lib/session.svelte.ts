// Who is logged in, in which project. The token is in a cookie that no script sees.
import { answer, api, onSessionLost, refusal, setCsrf, type Schemas } from './api';

export type Session = Schemas['CurrentShape'];

let current = $state.raw<Session | null>(null);
let state = $state<'asking' | 'out' | 'in'>('asking');
let ended = $state(false);

function take(session: Session) {
  current = session;
  setCsrf(session.csrf_token ?? '');
  state = 'in';
  ended = false;
}

async function ask() {
  take(await answer(api.GET('/adit/v1/sessions/current')));
}

onSessionLost(() => {
  if (state !== 'in') return;
  state = 'out';
  ended = true;
});

export const session = {
  get state() {
    return state;
  },
  get current() {
    return current;
  },
  /** Whether there was one that ended by itself. */
  get ended() {
    return ended;
  },
  get isOperator() {
    return current?.project?.role === 'admin';
  },
  get isReader() {
    return current?.project?.role === 'reader';
  },

  /** Looks whether there is one. */
  async open() {
    try {
      await ask();
    } catch (error) {
      if (refusal(error).status !== 401) throw error;
      state = 'out';
    }
  },

  async logIn(user: string, password: string, project: string) {
    const body = { user, password, cookie: true, ...(project ? { project } : {}) };
    await answer(api.POST('/adit/v1/sessions', { body }));
    await ask();
  },

  /** Goes on in another project. */
  async enter(project: string) {
    await answer(api.POST('/adit/v1/sessions', { body: { project, cookie: true } }));
    await ask();
  },

  async logOut() {
    try {
      await answer(api.DELETE('/adit/v1/sessions/current'));
    } finally {
      session.forget();
    }
  },

  /** Leaves everything behind that was shown to the one who was logged in. */
  forget() {
    current = null;
    setCsrf('');
    state = 'out';
    ended = false;
  },
};
