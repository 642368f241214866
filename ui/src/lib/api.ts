// The client of /adit/v1, typed by its description. All that the page knows comes through here.
import createClient from 'openapi-fetch';
import type { components, paths } from '../api';

export type Schemas = components['schemas'];
export type Connection = Schemas['ConnectionShape'];
export type Gateway = Schemas['GatewayShape'];
export type Reason = Schemas['ReasonShape'];
export type Rung = Schemas['Rung'];

/** What was refused, as the service tells it (RFC 9457). */
export class Refused extends Error {
  readonly status: number;
  readonly field: string | undefined;
  readonly errors: string[];
  readonly requestId: string;
  readonly kind: string;

  constructor(status: number, body: unknown, requestId: string) {
    const said = (typeof body === 'object' && body !== null ? body : {}) as Partial<Schemas['Details']>;
    super(said.detail || `the service answered with status ${status}`);
    this.status = status;
    this.field = said.field || undefined;
    this.errors = said.errors ?? [];
    this.requestId = said.request_id || requestId;
    this.kind = said.type ?? '';
  }
}

/** What goes wrong before there is an answer. */
export const unreachable = () => new Refused(0, { detail: 'the service can’t be reached' }, '');

let csrf = '';
let lost: () => void = () => {};

/** Says the word that has to go with what changes something. */
export function setCsrf(word: string) {
  csrf = word;
}

/** Says what to do when the session is over. */
export function onSessionLost(call: () => void) {
  lost = call;
}

export const api = createClient<paths>({ baseUrl: location.origin });

api.use({
  onRequest({ request }) {
    if (csrf && request.method !== 'GET') request.headers.set('X-CSRF-Token', csrf);
    return request;
  },
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** What a request was answered with; what was refused is thrown. */
export async function answer<T>(asked: Promise<Answer<T>>): Promise<T> {
  let got: Answer<T>;
  try {
    got = await asked;
  } catch {
    throw unreachable();
  }
  const { data, error, response } = got;
  if (response.ok) return data as T;
  if (response.status === 401 && !response.url.endsWith('/sessions')) lost();
  throw new Refused(response.status, error, response.headers.get('x-request-id') ?? '');
}

interface PageOf<T> {
  items: T[];
  next?: string | null;
}

/** All pages of a list. */
export async function all<T>(page: (query: { limit: number; cursor?: string }) => Promise<Answer<PageOf<T>>>): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const query = cursor === undefined ? { limit: 1000 } : { limit: 1000, cursor };
    const got: PageOf<T> = await answer(page(query));
    items.push(...got.items);
    cursor = got.next ?? undefined;
  } while (cursor !== undefined);
  return items;
}

/** Whatever was thrown, as something to show. */
export function refusal(error: unknown): Refused {
  if (error instanceof Refused) return error;
  return new Refused(0, { detail: error instanceof Error ? error.message : String(error) }, '');
}
