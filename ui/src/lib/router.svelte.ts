// Where one is: the address is the state, so that each place can be linked to.

export const BASE = '/ui';

function read() {
  const path = location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length) : '/';
  return { path: path.replace(/\/+$/, '') || '/', query: new URLSearchParams(location.search), hash: location.hash };
}

let at = $state.raw(read());

export const place = {
  get path() {
    return at.path;
  },
  get query() {
    return at.query;
  },
  get hash() {
    return at.hash;
  },
  /** The parts of the path. */
  get parts() {
    return at.path.split('/').filter(Boolean);
  },
};

/** The address of a path of the page. */
export const href = (path: string) => BASE + (path === '/' ? '/' : path);

let leaving: (() => boolean) | undefined;

/** Asks before leaving, as long as something that was typed would be lost. */
export function guard(ask: (() => boolean) | undefined) {
  leaving = ask;
}

const mayLeave = () => leaving === undefined || leaving();

export function go(path: string, options: { replace?: boolean } = {}) {
  if (!mayLeave()) return;
  history[options.replace ? 'replaceState' : 'pushState'](null, '', href(path));
  const before = at.path;
  at = read();
  if (at.path !== before && !options.replace) scrollTo(0, 0);
}

/** Sets a part of the query, in place; an empty one goes. */
export function setQuery(name: string, value: string) {
  const query = new URLSearchParams(location.search);
  if (value) query.set(name, value);
  else query.delete(name);
  const text = query.toString();
  history.replaceState(null, '', location.pathname + (text && `?${text}`));
  at = read();
}

addEventListener('popstate', () => {
  at = read();
});

/** Follows links of the page without loading it anew. */
export function followLinks(event: MouseEvent) {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element | null)?.closest('a');
  if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
  if (link.pathname !== BASE && !link.pathname.startsWith(`${BASE}/`)) return;
  if (link.hash && link.pathname === location.pathname && link.search === location.search) return;
  event.preventDefault();
  go(link.pathname.slice(BASE.length) + link.search + link.hash);
}
