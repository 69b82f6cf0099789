// Leaves the page for the sign-in: at once, by signing out, or when the session turns out to be over.

/** @type {WeakMap<Node, number>} the timer of a place in the page that watches */
const timers = new WeakMap();

/** Whether somebody (the span editor) holds work that is not stored yet; asked the way a browser asks before it leaves. */
function workIsPending() {
  return !window.dispatchEvent(new Event('beforeunload', { cancelable: true }));
}

function toSignIn() {
  if (workIsPending()) return; // the editor says so itself and offers to sign in beside it
  window.location.assign(`/sign-in?next=${encodeURIComponent(window.location.pathname + window.location.search)}`);
}

function signOut() {
  const form = document.createElement('form');
  form.method = 'post';
  form.action = '/sign-out';
  document.body.append(form);
  form.submit();
}

async function look() {
  const response = await fetch('/session', { cache: 'no-store' }).catch(() => null);
  if (response?.status === 401) toSignIn();
}

/**
 * @param {{parentElement: Node, data: {leave?: 'sign-in' | 'sign-out', watch?: number}}} component
 * @returns {() => void} clean-up
 */
export default function redirect({ parentElement, data }) {
  if (data.leave === 'sign-in') toSignIn();
  else if (data.leave === 'sign-out') signOut();
  else if (data.watch && !timers.has(parentElement)) timers.set(parentElement, setInterval(look, data.watch * 1000));
  return () => setTimeout(() => {
    if (parentElement.isConnected) return;
    clearInterval(timers.get(parentElement));
    timers.delete(parentElement);
  });
}
