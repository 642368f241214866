// The event stream: server-sent events (HTML Standard 9.2), by fetch, so that a refusal can be told from a broken line.

export interface Told {
  event: string;
  data: unknown;
}

export interface Follower {
  /** Something was told. */
  told(event: Told): void;
  /** The line is up, or down again. */
  line(up: boolean): void;
  /** The session is over. */
  refused(): void;
}

/** How long nothing may come: the service sends something every 15 s. */
const SILENCE_MS = 40_000;
const RETRY_MS = [250, 500, 1000, 2000, 5000];

/** Reads lines of a stream into events. */
export class Lines {
  #rest = '';
  #event = '';
  #data: string[] = [];
  id = '';

  read(text: string): Told[] {
    const told: Told[] = [];
    this.#rest += text;
    const lines = this.#rest.split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (this.#data.length > 0) {
          const data: unknown = JSON.parse(this.#data.join('\n'));
          told.push({ event: this.#event || 'message', data });
        }
        this.#event = '';
        this.#data = [];
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') this.#event = value;
      else if (field === 'data') this.#data.push(value);
      else if (field === 'id') this.id = value;
    }
    return told;
  }
}

/** Follows until it is ended. */
export function follow(url: string, follower: Follower): () => void {
  const ending = new AbortController();
  let last = '';
  let failures = 0;

  async function once(): Promise<'again' | 'over'> {
    const silence = new AbortController();
    const signal = AbortSignal.any([ending.signal, silence.signal]);
    let timer = setTimeout(() => silence.abort(), SILENCE_MS);
    const headers: HeadersInit = { Accept: 'text/event-stream' };
    if (last) headers['Last-Event-ID'] = last;
    try {
      const response = await fetch(url, { headers, signal, cache: 'no-store' });
      if (response.status === 401) return 'over';
      if (!response.ok || !response.body) {
        // A place that is known no more is not asked for again.
        if (response.status === 400) last = '';
        return 'again';
      }
      failures = 0;
      follower.line(true);
      const lines = new Lines();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return 'again';
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
        for (const told of lines.read(value)) follower.told(told);
        last = lines.id || last;
      }
    } catch {
      return 'again';
    } finally {
      clearTimeout(timer);
    }
  }

  void (async () => {
    while (!ending.signal.aborted) {
      const what = await once();
      if (ending.signal.aborted) return;
      follower.line(false);
      if (what === 'over') {
        follower.refused();
        return;
      }
      const wait = RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)];
      await new Promise((go) => setTimeout(go, wait));
    }
  })();
  return () => ending.abort();
}
