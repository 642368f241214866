/** @type {import('@sveltejs/vite-plugin-svelte').SvelteConfig} */
export default {
  compilerOptions: {
    runes: true,
    // Forms take what was there when they were opened on purpose: what comes meanwhile is not written over what is typed.
    warningFilter: (warning) => warning.code !== 'state_referenced_locally',
  },
};
