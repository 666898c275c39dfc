// Who the page was made for, and whether the browser still is that person. Guests have nothing that could end.

const { current, user } = document.body.dataset;

/** "same", "other", or "unknown" while it cannot be asked. */
export async function stillMe() {
  if (!user) return "same";
  try {
    const answer = await fetch(current, { headers: { Accept: "application/json" } });
    if (!answer.ok) return "unknown";
    return (await answer.json()).user === user ? "same" : "other";
  } catch {
    return "unknown";
  }
}

/** Is this HTML, a whole page of the site, for another person than this page? */
export function forAnother(html) {
  if (!user) return false;
  const body = new DOMParser().parseFromString(html, "text/html").body;
  return "current" in body.dataset && body.dataset.user !== user;
}

/** Takes away what only that person may see: whose page it is, the menu, the token. */
export function forget() {
  document.querySelector('meta[name="csrf-token"]').content = "";
  for (const item of document.querySelectorAll("header .me, header .do, #flash")) item.remove();
  delete document.body.dataset.user;
}

// The back button brings a page out of the browser's memory as it was left, also after a sign-out.
if (user) {
  const root = document.documentElement;
  addEventListener("pagehide", () => root.classList.add("away"));
  addEventListener("pageshow", async ({ persisted }) => {
    if (!persisted) return;
    if (await stillMe() === "same") root.classList.remove("away");
    else location.reload();
  });
}
