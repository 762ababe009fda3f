// Puts a button on a page of another site that opens a chat with the assistant: docs/guide/assistant.md.
(() => {
  const script = document.currentScript;
  const { title = 'Chat', ...said } = script.dataset;
  const frame = document.createElement('iframe');
  const button = document.createElement('button');
  const place = document.createElement('div');
  const edge = { position: 'fixed', right: '1rem', zIndex: '2147483000', font: '500 1rem system-ui, sans-serif' };
  Object.assign(button.style, edge, {
    bottom: '1rem',
    padding: '0.75rem 1.25rem',
    border: '0',
    borderRadius: '1.5rem',
    background: '#17606f',
    color: '#fff',
    cursor: 'pointer',
    boxShadow: '0 4px 16px rgb(0 0 0 / 25%)',
  });
  Object.assign(frame.style, edge, {
    bottom: '4.5rem',
    width: 'min(24rem, calc(100vw - 2rem))',
    height: 'min(36rem, calc(100vh - 6rem))',
    border: '1px solid #8a9094',
    borderRadius: '1rem',
    background: '#fff',
  });
  const show = (open) => {
    // What stands behind the `#` is sent to no server, so that no log has the key.
    frame.src ||= `${new URL('/embed', script.src)}#${new URLSearchParams({ title, ...said })}`;
    frame.hidden = !open;
    button.setAttribute('aria-expanded', String(open));
    (open ? frame : button).focus();
  };
  button.type = 'button';
  button.textContent = title;
  button.setAttribute('aria-expanded', 'false');
  button.addEventListener('click', () => show(frame.hidden));
  frame.title = title;
  frame.hidden = true;
  frame.allow = 'clipboard-write';
  place.addEventListener('keydown', (event) => event.key === 'Escape' && show(false));
  place.attachShadow({ mode: 'open' }).append(frame, button); // where the page's own styles do not reach
  const put = () => document.body.append(place);
  if (document.body) put();
  else document.addEventListener('DOMContentLoaded', put);
})();
