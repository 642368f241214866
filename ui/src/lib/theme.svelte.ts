// Light or dark, and which time zone: what somebody chose stays in this browser.

export type Theme = 'system' | 'light' | 'dark';

function kept(name: string): string {
  try {
    return localStorage.getItem(`adit.${name}`) ?? '';
  } catch {
    return '';
  }
}

function keep(name: string, value: string) {
  try {
    localStorage.setItem(`adit.${name}`, value);
  } catch {
    // Where nothing may be kept, it is chosen again next time.
  }
}

const themes: Theme[] = ['system', 'light', 'dark'];
let theme = $state<Theme>(themes.find((one) => one === kept('theme')) ?? 'system');
let utc = $state(kept('zone') === 'utc');

export function applyTheme() {
  document.documentElement.dataset.theme = theme;
}

export const settings = {
  get theme() {
    return theme;
  },
  set theme(value: Theme) {
    theme = value;
    keep('theme', value);
    applyTheme();
  },
  /** Whether times are shown in UTC, not in the browser's own zone. */
  get utc() {
    return utc;
  },
  set utc(value: boolean) {
    utc = value;
    keep('zone', value ? 'utc' : 'local');
  },
};
