// Forms update the page in place, numbers count, and the page follows Redis. Without this script, all forms work.
"use strict";

const PARTS = ["top", "main"];
const POLL_MS = 1500;
const TICK_MS = 200;
let shownAt = performance.now();
let isSubmitting = false;
let refreshing = null;

const byId = (id) => document.getElementById(id);

// ---- forms

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (isSubmitting) return;
  isSubmitting = true;
  refreshing?.abort(); // what it would show is older than what comes now
  const form = event.target;
  const body = new URLSearchParams(new FormData(form, event.submitter));
  form.setAttribute("aria-busy", "true");
  await load(form.action, { method: "POST", body });
  form.removeAttribute("aria-busy");
  isSubmitting = false;
});

async function refresh() {
  if (isSubmitting || refreshing || !byId("main").dataset.state) return;
  refreshing = new AbortController();
  await load("/", { signal: refreshing.signal });
  refreshing = null;
}

async function load(url, options) {
  try {
    const answer = await fetch(url, { ...options, headers: { Accept: "text/html" } });
    const text = await answer.text();
    if (options.signal?.aborted) return;
    if (answer.headers.get("content-type")?.startsWith("text/html")) show(text, options.method === "POST");
    else tell(text);
  } catch {
    if (!options.signal?.aborted) tell("The application does not answer.");
  }
}

function show(text, isClick) {
  const page = new DOMParser().parseFromString(text, "text/html");
  const focused = document.activeElement?.id;
  const typed = byId("name")?.value;
  for (const id of PARTS) byId(id).replaceWith(page.getElementById(id));
  document.title = page.title;
  shownAt = performance.now();
  if (!isClick && typed && byId("name")) byId("name").value = typed;
  if (focused) (byId(focused) ?? byId("main")).focus({ preventScroll: true });
  else if (isClick) byId("main").focus({ preventScroll: true });
  if (isClick) say(byId("main").dataset.said);
  localise();
}

function say(text) {
  byId("live").textContent = text;
}

function tell(text) { // also to be seen, where the answer is no page
  const told = byId("told") ?? document.createElement("p");
  Object.assign(told, { id: "told", className: "said refused", textContent: text });
  byId("main").querySelector("h1").after(told);
  say(text);
}

// ---- what counts

function tick() {
  const age = byId("age");
  if (age) age.textContent = Math.max(0, Math.floor(Date.now() / 1000 - Number(age.dataset.at)));
  const quota = byId("quota");
  if (quota) countDown(quota);
}

function countDown(quota) {
  const { capacity, eachMs, resetMs } = quota.dataset;
  const left = Math.max(0, resetMs - (performance.now() - shownAt));
  const missing = Math.min(Number(capacity), Math.ceil(left / eachMs));
  const next = left - (missing - 1) * eachMs;
  const seconds = (ms) => Math.ceil(ms / 1000);
  quota.querySelector("[data-left]").textContent = capacity - missing;
  quota.querySelectorAll(".pips i").forEach((pip, at) => pip.classList.toggle("on", at < capacity - missing));
  quota.querySelector("[data-wait]").textContent = missing
    ? `One more in ${seconds(next)} s, all of them in ${seconds(left)} s.`
    : "All of them are there.";
}

function localise() {
  for (const each of document.querySelectorAll("time")) {
    each.textContent = new Date(each.dateTime).toLocaleTimeString();
  }
}

// ---- whether Redis answers

async function poll() {
  if (document.hidden || isSubmitting || refreshing || !byId("main").dataset.state) return;
  let isUp = false;
  try {
    isUp = (await fetch("/health/ready")).ok;
  } catch {
    say("The application does not answer.");
    return;
  }
  if (isUp === (byId("main").dataset.state === "up")) return;
  await refresh();
  say(byId("main").dataset.state === "up" ? "Redis answers again." : "Redis does not answer.");
}

localise();
setInterval(tick, TICK_MS);
setInterval(poll, POLL_MS);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
