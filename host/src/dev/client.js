// What `host dev` puts into each page: it loads the page again after a swap, and shows what fails over it.
//
//   <script src="…" data-events="…" data-page="…" data-version="…" defer></script>
//
// The stream at `data-events` begins with the version that is being served. If that is not the one of this page, the page is
// old: there was a swap before we listened, or the host was started again.
(() => {
  "use strict";
  const script = document.currentScript;
  // A piece of a page that another script inserted may bring the tag a second time.
  if (!script || window.hostDevIsHere) return;
  window.hostDevIsHere = true;

  const { events, page, version } = script.dataset;
  const retryMs = 1000;
  const isTop = window.top === window;
  // Set by the page of what fails, where nothing else could be served: the revision that it shows.
  const shown = document.documentElement.dataset.hostFailure;
  let source = null;
  let overlay = null;

  function connect() {
    if (source || document.hidden) return;
    source = new EventSource(events);
    const on = (name, act) => source.addEventListener(name, (event) => act(JSON.parse(event.data)));
    on("hello", (now) => {
      if (now.version !== version) reload(now.version);
      else if (!now.failing) recovered();
    });
    on("swap", (now) => reload(now.version));
    on("failure", (now) => failed(String(now.revision)));
    on("recovered", recovered);
    source.onerror = () => {
      // A browser comes back by itself after a broken connection, but not after an answer that is no stream.
      if (!source || source.readyState !== EventSource.CLOSED) return;
      disconnect();
      setTimeout(connect, retryMs);
    };
  }

  function disconnect() {
    if (source) source.close();
    source = null;
  }

  // Once for each version: a page that comes from a cache is as old as before, and would be loaded for ever.
  function reload(reason) {
    const key = "host-dev-reloaded";
    const now = `${reason} ${location.href}`;
    try {
      if (sessionStorage.getItem(key) === now) return;
      sessionStorage.setItem(key, now);
    } catch {
      // Without storage: as if it were the first time.
    }
    disconnect();
    location.reload();
  }

  function failed(revision) {
    if (shown === undefined) show(revision);
    else if (shown !== revision) reload(`failure ${revision}`);
  }

  function recovered() {
    if (shown === undefined) hide();
    else reload("recovered");
  }

  // A dialog in a shadow root: above whatever the app shows, and its styles and ours leave each other alone.
  function show(revision) {
    if (!isTop || (overlay && overlay.dataset.revision === revision)) return;
    hide();
    overlay = document.createElement("host-dev-failure");
    overlay.dataset.revision = revision;
    const dialog = document.createElement("dialog");
    dialog.style.cssText =
      "width: 100%; height: 100%; max-width: none; max-height: none; margin: 0; border: 0; padding: 0; overflow: hidden; background: Canvas; color-scheme: light dark;";
    dialog.onclose = hide;
    dialog.append(newFrame(revision), newButton());
    overlay.attachShadow({ mode: "open" }).append(dialog);
    document.documentElement.append(overlay);
    dialog.showModal();
  }

  function newFrame(revision) {
    const frame = document.createElement("iframe");
    frame.title = "What failed";
    frame.src = `${page}?revision=${revision}`;
    frame.style.cssText = "width: 100%; height: 100%; border: 0;";
    // What is typed into a frame stays in it.
    frame.onload = () => frame.contentWindow.addEventListener("keydown", (event) => event.key === "Escape" && hide());
    return frame;
  }

  function newButton() {
    const button = document.createElement("button");
    button.textContent = "×";
    button.title = "Close (Escape)";
    button.style.cssText =
      "position: absolute; top: 2.4rem; right: 1.25rem; width: 2.5rem; height: 2.5rem; border: 1px solid #8886; border-radius: 0.5rem; background: #8882; color: #888; font: 1.5rem/1 system-ui, sans-serif; cursor: pointer;";
    button.onclick = hide;
    return button;
  }

  function hide() {
    // Removing it may call this again.
    const last = overlay;
    overlay = null;
    if (last) last.remove();
  }

  // A browser opens six connections to one host: a page that is not seen lets go of its own.
  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", connect);
  connect();
})();
