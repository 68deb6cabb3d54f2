"use strict";

// One page over the routes of /v1. Names and sentences come from other people's
// documents, so they are only ever set as text, never as markup.

const POLL_MS = 1000;
const PAGE = 500;
const TREND = 60;

const FAMILY = {
  demand: ["DEMAND", "MAX_RATE_UP", "MAX_RATE_DOWN", "ACTIVATION", "WAITING"],
  held: ["UNKNOWN_LOAD", "LOWER_BOUND", "TOLERANCE", "STABILIZATION", "IN_FLIGHT", "BLAST_RADIUS", "BETWEEN_TICKS"],
  raised: ["MIN_REPLICAS", "WAKE", "BOOST", "RESTART", "ZERO_NOT_PROVEN", "ZERO_NOT_ALLOWED"],
  idle: ["ZERO_IDLE", "PASSED"],
  capped: ["MAX_REPLICAS", "CONCURRENCY_CAP", "BUDGET"],
  ordered: ["PAUSED", "FOREIGN_WRITER", "FORCED"],
};
const FAMILY_OF = new Map(Object.entries(FAMILY).flatMap(([family, codes]) => codes.map((code) => [code, family])));

const byId = (id) => document.getElementById(id);

const state = {
  token: takeToken(),
  pages: 1,
  tenant: null,
  reason: "",
  search: "",
  selected: null,
  rows: new Map(),
  trends: new Map(),
  generation: 0,
  timer: 0,
};

function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname);
  }
  return given || sessionStorage.getItem("token");
}

// --- asking -----------------------------------------------------------------

class Denied extends Error {}

async function ask(path) {
  const answer = await fetch(path, { headers: { Authorization: `Bearer ${state.token}` }, cache: "no-store" });
  if (answer.status === 401 || answer.status === 403) throw new Denied();
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`the daemon answered ${answer.status}`);
  return answer.json();
}

async function askFunctions() {
  const rows = [];
  let next = "";
  let total = 0;
  for (let page = 0; page < state.pages; page += 1) {
    const query = new URLSearchParams({ limit: String(PAGE) });
    if (state.tenant) query.set("tenant", state.tenant);
    if (state.reason) query.set("reason", state.reason);
    if (next) query.set("continue", next);
    const answer = await ask(`v1/functions?${query}`);
    rows.push(...answer.functions);
    total = answer.total;
    next = answer.continue;
    if (!next) break;
  }
  return { rows, total, hasMore: Boolean(next) };
}

async function askTenants() {
  const rows = [];
  let next = "";
  do {
    const answer = await ask(`v1/tenants?${new URLSearchParams(next ? { continue: next } : {})}`);
    rows.push(...answer.tenants);
    next = answer.continue;
  } while (next);
  return rows;
}

async function poll() {
  if (!state.token) return;
  const generation = state.generation;
  try {
    const status = await ask("v1/status");
    if (generation !== state.generation) return;
    showStatus(status);
    if (status.last_tick_age_s !== null) await pollTick(generation);
  } catch (error) {
    if (generation !== state.generation) return;
    if (error instanceof Denied) return signOut("This token is not known, or may not see anything.");
    showLost(error);
  }
  clearTimeout(state.timer);
  state.timer = setTimeout(poll, POLL_MS);
}

async function pollTick(generation) {
  const chosen = state.selected;
  const filters = `${state.tenant}/${state.reason}/${state.pages}`;
  const [tenants, functions, detail] = await Promise.all([
    askTenants(),
    askFunctions(),
    chosen ? ask(`v1/functions/${chosen}`) : null,
  ]);
  if (generation !== state.generation) return;
  if (filters !== `${state.tenant}/${state.reason}/${state.pages}`) return;
  showTenants(tenants);
  showFunctions(functions);
  if (chosen && chosen === state.selected) showDetail(detail);
}

// --- small pieces -----------------------------------------------------------

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function load(value) {
  if (value === null) return "–";
  if (value < 10 && !Number.isInteger(value)) return value.toFixed(value < 0.1 ? 2 : 1);
  return Math.round(value).toLocaleString("en");
}

function count(number, thing) {
  return `${number.toLocaleString("en")} ${thing}${number === 1 ? "" : "s"}`;
}

function ago(seconds) {
  if (seconds < 1.5) return "now";
  if (seconds < 90) return `${Math.round(seconds)} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  return `${Math.round(seconds / 3600)} h ago`;
}

function words(code) {
  return code.toLowerCase().replaceAll("_", " ");
}

function reasonBadge(code, sentence) {
  const badge = element("span", `reason ${FAMILY_OF.get(code) || "idle"}`, words(code));
  badge.title = sentence;
  return badge;
}

// --- the daemon -------------------------------------------------------------

function showStatus(status) {
  byId("main").hidden = false;
  const isLate = status.last_tick_age_s === null || status.last_tick_age_s > 30;
  byId("pulse").dataset.state = isLate || !status.is_ready ? "held" : "good";
  const took = status.last_tick_s < 1 ? `${Math.round(status.last_tick_s * 1000)} ms` : `${status.last_tick_s.toFixed(1)} s`;
  setText(byId("pulse-text"), status.last_tick_age_s === null ? "no tick yet" : `tick ${status.ticks}, took ${took}`);
  const badges = [];
  if (status.dry_run) badges.push(["dry run: nothing is written", "held"]);
  for (const source of status.sources) {
    const well = source.series === null ? source.name : `${source.name}: ${source.series} series`;
    badges.push([source.is_ok ? well : `${source.name}: silent`, source.is_ok ? "" : "bad"]);
  }
  if (status.held.length) badges.push([`${count(status.held.length, "function")} left to others`, "held"]);
  if (status.reverted.length) badges.push([`${count(status.reverted.length, "function")} put back by a manifest`, "held"]);
  if (status.more_boosts) badges.push([`more than ${status.boosts.length} effects of alerts`, "raised"]);
  else for (const effect of ["boost", "freeze", "wake"]) {
    const number = status.boosts.filter((boost) => boost.effect === effect).length;
    if (number) badges.push([count(number, `alert ${effect}`), "raised"]);
  }
  if (status.problems.length) badges.push([count(status.problems.length, "policy problem"), "bad"]);
  if (status.write_failures.length) badges.push([count(status.write_failures.length, "failed write"), "bad"]);
  if (status.writes_held) badges.push(["nothing is written", "bad"]);
  if (status.cluster_problems.length) badges.push([count(status.cluster_problems.length, "cluster problem"), "bad"]);
  if (status.step_failures) badges.push([count(status.step_failures, "failed step"), "bad"]);
  if (status.overruns) badges.push([count(status.overruns, "late tick"), ""]);
  byId("badges").replaceChildren(...badges.map(([text, kind]) => element("li", kind, text)));
  notice(status);
}

function notice(status) {
  const lines = status.writes_held ? [`Nothing is written: ${status.writes_held}.`] : [];
  lines.push(...status.cluster_problems.slice(0, 3));
  const silent = status.sources.filter((source) => !source.is_ok);
  lines.push(...silent.map((source) => `${source.name} gives no load (${source.error || "no reason given"}): nothing is scaled down by it.`));
  lines.push(...status.problems.slice(0, 3));
  lines.push(...status.write_failures.slice(0, 3).map((failed) => `${failed.namespace}/${failed.function} was not written: ${failed.outcome} ${failed.message}`));
  if (status.last_tick_age_s === null) lines.push("The first tick is not done yet.");
  say(lines.join("\n"));
}

function say(text) {
  setText(byId("notice"), text);
  byId("notice").hidden = !text;
}

function showLost(error) {
  byId("pulse").dataset.state = "bad";
  setText(byId("pulse-text"), "no answer");
  say(`The daemon does not answer (${error.message}). What stands below is the last that was heard.`);
}

// --- tenants ----------------------------------------------------------------

function showTenants(tenants) {
  const box = byId("tenants");
  const cards = new Map([...box.children].map((card) => [card.dataset.tenant, card]));
  const wanted = tenants.map((tenant) => {
    const card = cards.get(tenant.tenant) || makeTenant(tenant.tenant);
    fillTenant(card, tenant);
    return card;
  });
  if (wanted.length !== box.children.length || wanted.some((card, index) => card !== box.children[index])) {
    box.replaceChildren(...wanted);
  }
}

function makeTenant(name) {
  const card = element("button", "tenant");
  card.type = "button";
  card.dataset.tenant = name;
  card.append(element("span", "name", name), element("span", "use"), element("span", "track"), element("span", "facts"));
  card.querySelector(".track").append(element("i", "want"), element("i", "fill"));
  card.addEventListener("click", () => {
    state.tenant = state.tenant === name ? null : name;
    state.pages = 1;
    refresh();
  });
  return card;
}

function fillTenant(card, tenant) {
  const [, use, track, facts] = card.children;
  const isCapped = tenant.replicas_cap !== null;
  setText(use, isCapped ? `${tenant.requested} of ${tenant.replicas_cap}` : `${tenant.requested}, no cap`);
  const whole = isCapped ? Math.max(tenant.replicas_cap, tenant.requested, 1) : Math.max(tenant.requested, tenant.desired, 1);
  track.dataset.kind = !isCapped ? "open" : tenant.requested >= tenant.replicas_cap ? "full" : "free";
  track.querySelector(".fill").style.width = `${(100 * Math.min(tenant.ready, whole)) / whole}%`;
  track.querySelector(".want").style.width = `${(100 * Math.min(tenant.requested, whole)) / whole}%`;
  const parts = [count(tenant.functions, "function")];
  if (tenant.at_zero) parts.push(`${tenant.at_zero} at zero`);
  if (tenant.starting) parts.push(`${tenant.starting} starting`);
  if (tenant.unknown) parts.push(`${tenant.unknown} unknown`);
  if (tenant.dry_run) parts.push("dry run");
  setText(facts, parts.map((part) => part.replaceAll(" ", "\u00a0")).join(" · "));
  card.setAttribute("aria-pressed", String(state.tenant === tenant.tenant));
}

// --- functions --------------------------------------------------------------

function showFunctions({ rows, total, hasMore }) {
  const shown = rows.filter((row) => `${row.namespace}/${row.function}`.includes(state.search));
  if (!state.tenant && !state.reason && !hasMore) forget(rows);
  const body = byId("functions");
  const lines = shown.map((row) => {
    const key = `${row.namespace}/${row.function}`;
    const line = state.rows.get(key) || makeFunction(key, row);
    fillFunction(line, key, row);
    return line;
  });
  if (lines.length !== body.children.length || lines.some((line, index) => line !== body.children[index])) {
    body.replaceChildren(...lines);
  }
  setText(byId("count"), shown.length === total ? `${total}` : `${shown.length} of ${total}`);
  byId("empty").hidden = shown.length > 0;
  byId("more").hidden = !hasMore;
}

function forget(rows) {
  const there = new Set(rows.map((row) => `${row.namespace}/${row.function}`));
  for (const key of state.rows.keys()) {
    if (!there.has(key)) {
      state.rows.delete(key);
      state.trends.delete(key);
    }
  }
}

function makeFunction(key, row) {
  const line = element("tr");
  const name = element("button", "link");
  name.type = "button";
  name.append(element("b", "", row.function), element("span", "where", `${row.namespace} · ${row.tenant}`));
  const cells = ["name", "number rps", "number flight", "trend", "number replicas", "why"].map((kind) => element("td", kind));
  cells[0].append(name);
  cells[1].dataset.label = "requests/s";
  cells[2].dataset.label = "in flight";
  cells[3].append(makeTrend());
  cells[4].append(element("b"), element("span", "of"));
  line.append(...cells);
  line.dataset.key = key;
  line.addEventListener("click", () => select(key));
  state.rows.set(key, line);
  return line;
}

function fillFunction(line, key, row) {
  const [, rps, flight, trend, replicas, why] = line.children;
  const isKnown = row.seen !== "unknown";
  setText(rps, load(row.rps));
  setText(flight, load(row.concurrency !== null ? row.concurrency : row.in_flight));
  rps.title = flight.title = isKnown ? `seen: ${row.seen.replace("-", " ")}` : "not known";
  line.classList.toggle("unknown", !isKnown);
  line.classList.toggle("zero", row.requested === 0 && row.desired === 0);
  line.setAttribute("aria-selected", String(state.selected === key));
  setText(replicas.firstChild, String(row.ready));
  setText(replicas.lastChild, row.desired === row.requested ? ` / ${row.requested}` : ` / ${row.requested} → ${row.desired}`);
  replicas.title = `${row.ready} ready, ${row.requested} requested, ${row.desired} desired`;
  if (why.dataset.code !== row.reason) {
    why.dataset.code = row.reason;
    why.replaceChildren(reasonBadge(row.reason, row.reason_sentence));
  }
  drawTrend(trend.firstChild, key, row);
}

const SVG = "http://www.w3.org/2000/svg";

function makeTrend() {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", "0 0 120 24");
  picture.setAttribute("preserveAspectRatio", "none");
  picture.setAttribute("aria-hidden", "true");
  for (const kind of ["area", "line"]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("class", kind);
    picture.append(path);
  }
  return picture;
}

function drawTrend(picture, key, row) {
  const past = state.trends.get(key) || [];
  past.push([row.ready, row.requested]);
  if (past.length > TREND) past.shift();
  state.trends.set(key, past);
  const top = Math.max(1, ...past.flat());
  const x = (index) => (120 * (index + TREND - past.length)) / (TREND - 1);
  const y = (value) => 22.5 - (21 * value) / top;
  const steps = (column) => past.map((pair, index) => `${index ? `H${x(index).toFixed(1)}V` : `M${x(0).toFixed(1)} `}${y(pair[column]).toFixed(1)}`).join("");
  const [area, line] = picture.children;
  area.setAttribute("d", `${steps(0)}V22.5H${x(0).toFixed(1)}Z`);
  line.setAttribute("d", steps(1));
}

// --- one function -----------------------------------------------------------

function select(key) {
  state.selected = key;
  for (const [other, line] of state.rows) line.setAttribute("aria-selected", String(other === key));
  setText(byId("detail-title"), key);
  byId("detail").hidden = false;
  document.body.classList.add("with-detail");
  byId("detail").focus({ preventScroll: true });
  ask(`v1/functions/${key}`).then((detail) => state.selected === key && showDetail(detail), () => {});
}

function deselect() {
  const line = state.rows.get(state.selected);
  state.selected = null;
  byId("detail").hidden = true;
  document.body.classList.remove("with-detail");
  if (line) {
    line.setAttribute("aria-selected", "false");
    line.querySelector("button").focus({ preventScroll: true });
  }
}

function showDetail(detail) {
  if (detail === null) {
    setText(byId("detail-about"), "This function is gone.");
    return;
  }
  const decision = detail.decision;
  setText(byId("detail-title"), decision.function);
  const about = [decision.namespace, `tenant ${decision.tenant}`, detail.policy ? `policy ${detail.policy}` : "no policy, defaults"];
  if (detail.dry_run) about.push("dry run");
  about.push(`decided ${ago(decision.decided_ago_s)}`);
  setText(byId("detail-about"), about.join(" · "));
  const seen = [
    ["seen", decision.seen.replace("-", " ")],
    ["requests/s", load(decision.rps)],
    ["in flight, mean", load(decision.concurrency)],
    ["in flight, now", load(decision.in_flight)],
    ["ready", String(detail.now.ready)],
    ["requested", String(detail.now.requested)],
    ["desired", String(decision.desired)],
  ];
  byId("detail-seen").replaceChildren(...seen.map(([name, value]) => {
    const pair = element("div");
    pair.append(element("dt", "", name), element("dd", "", value));
    return pair;
  }));
  showStages(decision);
  const sentences = [...decision.sentences, ...heldWords(detail.held)];
  byId("sentences").replaceChildren(...sentences.map((sentence) => element("p", "", sentence)));
  showSource(detail.source);
  showHistory(detail.history);
  showWakes(detail.wakes);
}

// To whom it is left, and until when: beside the decision too, which knows only that it is left to somebody.
function heldWords(held) {
  if (held === null) return [];
  const minutes = held.ends_in_s === null ? 0 : Math.max(1, Math.round(held.ends_in_s / 60));
  const until = minutes ? `taken up again after ${count(minutes, "more quiet minute")}` : "for as long as that is there";
  return [`Left to ${held.by}, ${until}.`, `To end it: ${held.advice}.`];
}

// A line about where loads come from, beside the decision: what was decided on stands in the sentences alone.
function showSource(source) {
  const isSick = source !== null && !source.is_ok;
  byId("source").hidden = !isSick;
  if (!isSick) return;
  const since = source.whole_age_s === null ? "no whole answer yet" : `last whole answer ${ago(source.whole_age_s)}`;
  setText(byId("source"), `Source ${source.name}: ${source.error || "no reason known"} (${since}).`);
}

function showStages(decision) {
  const top = Math.max(1, ...decision.stages.map((stage) => stage.replicas));
  byId("stages").replaceChildren(...decision.stages.map((stage) => {
    const line = element("tr", stage.reason === "PASSED" ? "passed" : "");
    const amount = element("td", "number");
    const reach = element("span", "reach");
    reach.append(element("i", "amount"));
    reach.firstChild.style.width = `${(100 * stage.replicas) / top}%`;
    amount.append(reach, element("b", "", String(stage.replicas)));
    const why = element("td", "why");
    if (stage.reason !== "PASSED") why.append(reasonBadge(stage.reason, stage.sentence));
    line.append(element("th", "", stage.stage.replace("-", " ")), amount, why);
    line.firstChild.scope = "row";
    return line;
  }));
}

function showHistory(changes) {
  const lines = [...changes].reverse().map((change) => {
    const line = element("li");
    const step = element("b", "", `${change.requested} → ${change.desired}`);
    line.append(element("time", "", ago(change.decided_ago_s)), step, reasonBadge(change.reason, change.reason_sentence));
    return line;
  });
  byId("history").replaceChildren(...(lines.length ? lines : [element("li", "empty", "Nothing changed since the start.")]));
}

function showWakes(wakes) {
  byId("waking").hidden = wakes.length === 0;
  byId("wakes").replaceChildren(...[...wakes].reverse().map((wake) => {
    const line = element("li");
    line.append(element("time", "", ago(wake.asked_ago_s)), element("span", "", wake.sentence));
    return line;
  }));
}

// --- coming and going -------------------------------------------------------

function refresh() {
  if (!state.token) return;
  pollTick(state.generation).catch(() => {});
}

function signIn() {
  byId("sign-in").hidden = true;
  byId("sign-out").hidden = false;
  poll();
}

function signOut(message) {
  sessionStorage.removeItem("token");
  Object.assign(state, { token: null, selected: null, generation: state.generation + 1 });
  byId("main").hidden = true;
  byId("sign-out").hidden = true;
  byId("detail").hidden = true;
  byId("badges").replaceChildren();
  byId("functions").replaceChildren();
  byId("tenants").replaceChildren();
  state.rows.clear();
  state.trends.clear();
  document.body.classList.remove("with-detail");
  delete byId("pulse").dataset.state;
  setText(byId("pulse-text"), "not connected");
  say("");
  setText(byId("sign-in-error"), message);
  byId("sign-in").hidden = false;
  byId("token").focus();
}

byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  state.token = byId("token").value.trim();
  byId("token").value = "";
  sessionStorage.setItem("token", state.token);
  signIn();
});
byId("sign-out").addEventListener("click", () => signOut(""));
byId("close").addEventListener("click", deselect);
byId("more").addEventListener("click", () => {
  state.pages += 1;
  refresh();
});
byId("search").addEventListener("input", (event) => {
  state.search = event.target.value.trim();
  refresh();
});
byId("reason").addEventListener("change", (event) => {
  state.reason = event.target.value;
  state.pages = 1;
  refresh();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && state.selected) deselect();
});
for (const code of FAMILY_OF.keys()) {
  if (code !== "PASSED") byId("reason").append(new Option(words(code), code));
}

if (state.token) signIn();
else signOut("");
