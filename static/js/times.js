// Times in the reader's own zone and language. The server writes UTC, which is what stays without JavaScript.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

/** Writes every <time> below `root` in local time: of the day, or with the day where it has data-whole. */
export function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.textContent = "whole" in time.dataset ? moment.format(at) : clock.format(at);
    time.title = whole.format(at);
  }
}

/** The local day of a line as people say it, or "" for a line without a time. */
export function dayOf(line) {
  const time = line.querySelector("time[datetime]");
  const at = time ? new Date(time.dateTime) : null;
  return at && !Number.isNaN(at.getTime()) ? day.format(at) : "";
}

/** Milliseconds since 1970 at which a line was written; NaN for a line without a time. */
export function writtenAt(line) {
  const time = line.querySelector("time[datetime]");
  return time ? Date.parse(time.dateTime) : NaN;
}
