// Browsers start no workers for pages that are read from a disk; there the search runs in a hidden frame instead.
if (location.protocol === "file:") {
  const load = (view, url) =>
    new Promise((done, failed) => {
      const script = view.document.createElement("script");
      Object.assign(script, { src: url, onload: done, onerror: failed });
      view.document.body.append(script);
    });

  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      Object.assign(frame, { hidden: true, srcdoc: "<!doctype html><title>Search</title>" });
      this.view = new Promise((ready) => {
        frame.onload = async () => {
          const view = frame.contentWindow;
          view.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
          view.importScripts = async (...urls) => {
            for (const one of urls) await load(view, one);
          };
          await load(view, url);
          ready(view);
        };
      });
      this.frame = frame;
      document.body.append(frame);
    }

    postMessage(data) {
      this.view.then((view) => view.dispatchEvent(new MessageEvent("message", { data })));
    }

    terminate() {
      this.frame.remove();
    }
  };
}
