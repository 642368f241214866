// One clock for all that shows how long ago something was.

let now = $state(Date.now());

setInterval(() => {
  if (!document.hidden) now = Date.now();
}, 1000);

export const clock = {
  get now() {
    return now;
  },
};
