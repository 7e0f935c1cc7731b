-- SPDX-License-Identifier: MIT
--
-- soak.lua CALLS: calls of every kind, good and bad, one after the other and
-- side by side, over kept and new connections. Every answer is compared with
-- what it must be. Prints what the process holds at 10 % and at 100 %, after
-- a full collection, and fails where that has grown, or an answer was wrong.
-- It wants the sandbox around it: `make soak CALLS=1000000`.
local balance = require "balance"
local core = require "balance.core"
local accounts = require "sandbox.accounts"
local faults = require "support.faults"
local process = require "support.process"
local variant = require "support.variant"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local jit = rawget(_G, "jit")

local wanted = tonumber(arg[1]) or error "how many calls?"

local most_growth = 1024 -- KiB
local samples = 100

-- -- what is called ---------------------------------------------------------

-- Providers that ask the sandbox for another answer: the usual ones with a
-- header more.
for _, name in ipairs { "tempolor", "udio", "tencent" } do
  variant.register(name, function(request, config)
    request.headers["X-Sandbox-Answer"] = config.answer
  end, { name = "asking_" .. name, options = { answer = "string" } })
end

-- And one that asks the server that misbehaves.
balance.register {
  name = "faulty", unit = "credit", endpoint = "https://localhost",
  credentials = { { name = "api_key" } },
  options = { fault = "string" },
  request = function(config)
    return { path = "/" .. config.fault, authorization = config.api_key }
  end,
  read = require("balance.provider.udio").read,
}

local bench = accounts.tencent.bench
local keys = {
  tempolor = { api_key = accounts.tempolor.main.api_key },
  udio = { api_key = accounts.udio.main.api_key },
  tencent = {
    secret_id = bench.secret_id, secret_key = bench.secret_key, rate = false,
  },
}

local good = {
  { "tempolor", keys.tempolor, accounts.tempolor.main.balance },
  { "tempolor", { api_key = accounts.tempolor.whole.api_key },
    accounts.tempolor.whole.balance },
  { "udio", keys.udio, accounts.udio.main.credits },
  { "udio", { api_key = accounts.udio.unused.api_key },
    accounts.udio.unused.credits },
  { "tencent", keys.tencent, bench.amounts.RealBalance },
}

-- What the sandbox answers, and the kind of failure that is.
local refusals = {
  { "tempolor", "400002", "auth" }, { "tempolor", "400006", "api" },
  { "tempolor", "400007", "rate_limit" }, { "tempolor", "http-502", "http" },
  { "udio", "401", "auth" }, { "udio", "429", "rate_limit" },
  { "udio", "500", "api" }, { "udio", "http-403", "http" },
  { "udio", "http-503-json", "http" }, { "udio", "http-204", "http" },
  { "udio", "http-444", "network" }, { "udio", "html-200", "decode" },
  { "udio", "redirect", "http" }, { "udio", "body:%5B1,", "decode" },
  { "udio", "body:%7B%22code%22:200,%22data%22:%7B%7D%7D", "decode" },
  { "tencent", "AuthFailure.SecretIdNotFound", "auth" },
  { "tencent", "AuthFailure.SignatureExpire", "auth" },
  { "tencent", "RequestLimitExceeded", "rate_limit" },
  { "tencent", "InternalError", "api" }, { "tencent", "old", "api" },
  { "tencent", "http-500", "http" },
}

-- What the server that misbehaves does, and the bytes that go with it.
local ok, json = "HTTP/1.1 200 OK\r\n", '{"code":200}'
local misdeeds = {
  { "closed", "" }, { "say-and-reset", "" }, { "say-and-reset", ok },
  { "say-and-close", ok .. "Content-Type: appl" },
  { "say-and-close", ok .. "X: y\r\n" },
  { "say-and-close", ok .. "Content-Length: 40\r\n\r\n" .. json },
  { "say-and-cut", ok .. "Content-Length: 40\r\n\r\n" .. json },
  { "say", ok .. "Transfer-Encoding: chunked\r\n\r\npigs\r\n" },
  { "say", ok .. "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} " },
  { "say", "220 mail.example.com ESMTP\r\n" },
  { "say", "HTTP/200 OK\r\nContent-Length: 2\r\n\r\n{}" },
  { "folded-first", "" },
  { "h2-reset", "", "http2" }, { "h2-reset-in-body", "", "http2" },
  { "h2-wrong-length", "", "http2" },
}
local late = { "second-answer", "late-408", "idle-close", "second-in-record" }
local large = { ok .. "\r\n\0 ", ok .. "\0X-More: x\r\n",
  ok .. "X-Long: \0x" }

-- -- checks -----------------------------------------------------------------

local wrong = 0

local function expect(condition, what, got)
  if not condition then
    wrong = wrong + 1
    if wrong <= 20 then
      io.stderr:write(("wrong: %s: %s\n"):format(what, tostring(got)))
    end
  end
end

local function expect_kind(kind, what, result, failure)
  expect(result == nil and failure.kind == kind, what .. " is " .. kind,
    failure or result and result.available)
end

local function one_of(list)
  return list[math.random(#list)]
end

local function merged(options, more)
  local all = {}
  for name, value in pairs(options) do all[name] = value end
  for name, value in pairs(more) do all[name] = value end
  return all
end

-- -- the acts: each makes calls, and returns how many ----------------------

local acts = {}

local endpoints = { os.getenv "UDIO_ENDPOINT", os.getenv "SANDBOX_HTTP1",
  os.getenv "SANDBOX_PLAIN" }

local clients = {
  balance, balance.new(), balance.new { trace = function() end },
  balance.new { tencent = { region = "ap-singapore", temp_credit = true } },
}

function acts.good()
  local name, options, available = unpack(one_of(good))
  local result, failure = one_of(clients)[name](merged(options, {
    endpoint = one_of(endpoints), http2 = math.random(2) == 1 }))
  expect(result and result.available == available, name,
    failure or result.available)
  return 1
end

function acts.new_client()
  local client = balance.new { udio = keys.udio, cache = {
    store = balance.store.memory() } }
  for i = 1, 2 do
    local result, failure = client:udio()
    expect(result and result.available == 195
      and (result.cached or false) == (i == 2), "a cached result", failure)
  end
  collectgarbage "step"
  return 1
end

function acts.refused()
  local name, answer, kind = unpack(one_of(refusals))
  expect_kind(kind, answer, balance["asking_" .. name](merged(keys[name], {
    answer = answer, retries = 0, endpoint = one_of(endpoints) })))
  return 1
end

function acts.wrong_key()
  expect_kind("auth", "a wrong key", balance.udio {
    api_key = "wrong" })
  return 1
end

-- The path of what is told over the control port names nothing.
local function misbehaving(fault, more)
  local endpoint = math.random(2) == 1 and faults.endpoint()
    or "https://localhost:" .. faults.ports.tls
  return balance.faulty(merged({ api_key = "k", fault = fault, retries = 0,
    endpoint = endpoint }, more or {}))
end

function acts.misdeed()
  local fault, bytes, port = unpack(one_of(misdeeds))
  faults.choose(fault, bytes)
  expect_kind("network", fault .. " " .. bytes, misbehaving("as-chosen",
    port and { endpoint = "https://localhost:" .. faults.ports[port],
      http2 = port == "http2" }))
  return 2
end

-- The credits are the number of the connection; 6.66 comes unasked for.
function acts.unasked()
  for _, fault in ipairs { one_of(late), "none" } do
    local result, failure = misbehaving(fault)
    expect(result and result.credits ~= 6.66, fault,
      failure or result.credits)
    faults.choose "none" -- once all is said
  end
  return 4
end

function acts.too_large()
  faults.choose("say-for-ever", one_of(large))
  expect_kind("too_large", "no end", misbehaving "as-chosen")
  expect_kind("too_large", "big", balance.asking_udio(merged(keys.udio, {
    answer = "big" })))
  local result, failure = balance.asking_udio(merged(keys.udio, {
    answer = "max" }))
  expect(result and result.available == 195, "1 MiB", failure)
  return 4
end

function acts.timeout()
  expect_kind("timeout", "silent", misbehaving("silent", { timeout = 0.05 }))
  return 1
end

function acts.retried()
  local _, failure = balance.asking_udio(merged(keys.udio, {
    answer = "http-503", retries = 1 }))
  expect(failure and failure.kind == "http", "a retry", failure)
  return failure and failure.attempts or 1
end

function acts.unreachable()
  expect_kind("connect", "a closed port", balance.faulty { api_key = "k",
    fault = "none", retries = 0, endpoint = "http://127.0.0.1:1" })
  expect_kind("tls", "no TLS", balance.faulty { api_key = "k",
    fault = "none", retries = 0,
    endpoint = os.getenv("SANDBOX_PLAIN"):gsub("^http", "https") })
  return 2
end

function acts.cancelled()
  local transport = core.transport()
  local transfers = {}
  for i = 1, 3 do
    transfers[i] = assert(transport:start { endpoint = faults.endpoint(),
      path = "/silent", timeout = 5, connect_timeout = 5 })
    transport:step()
  end
  transfers[1]:close()
  transfers[2] = nil -- is the collector's
  transport:close()
  expect(transfers[3]:result().kind == "closed", "a closed transport",
    transfers[3]:result().kind)
  return 3
end

-- Many at once, and one of them fails.
function acts.all()
  local asked, expected, count = {}, {}, math.random(2, 20)
  local http2 = math.random(2) == 1
  for i = 1, count do
    local name, options, available = unpack(one_of(good))
    asked[i] = merged(options, { provider = name, http2 = http2 })
    expected[i] = available
  end
  asked.bad = { provider = "faulty", api_key = "k", retries = 0,
    fault = "closed", endpoint = faults.endpoint() }
  local results, failures = balance.all(asked)
  for i = 1, count do
    local result = results[i]
    expect(result and result.available == expected[i], "one of all",
      failures[i] or result and result.available)
  end
  expect_kind("network", "the bad one of all", results.bad, failures.bad)
  return count + 1
end

function acts.closed_transport()
  core.transport():close()
  return 0
end

-- How often, of all acts. What waits or moves megabytes is rare.
local weights = {
  good = 10000, all = 700, refused = 700, misdeed = 200, wrong_key = 100,
  new_client = 50, closed_transport = 50, unreachable = 20, unasked = 20,
  cancelled = 10, too_large = 2, timeout = 2, retried = 2,
}
local names, bounds, total = {}, {}, 0
for name in pairs(acts) do
  names[#names + 1] = name
end
table.sort(names)
for i, name in ipairs(names) do
  total = total + weights[name]
  bounds[i] = total
end

local function act()
  local number = math.random(total)
  for i, bound in ipairs(bounds) do
    if number <= bound then
      return acts[names[i]]()
    end
  end
end

-- -- what the process holds --------------------------------------------------

local function memory()
  local found = {}
  for line in io.lines "/proc/self/smaps_rollup" do
    local name, size = line:match "^(%S+):%s+(%d+) kB$"
    if name then
      found[name] = tonumber(size)
    end
  end
  return found.Rss, found.Private_Clean + found.Private_Dirty
end

-- Not before popen has closed its own end.
local function descriptors()
  return tonumber((process.run "sleep 0.1; ls /proc/$PPID/fd | wc -l"))
end

-- Gives back what is not in use, so that no hole in the heap that waits for
-- the next megabyte looks like a leak of one.
local trim = assert(package.loadlib(process.build .. "/spec/trim.so",
  "luaopen_trim"))

local function settled_memory()
  if jit then
    jit.flush() -- what it has compiled
  end
  collectgarbage()
  collectgarbage()
  trim()
  return memory()
end

local function held(calls)
  core.transport():close()
  local rss, private = settled_memory()
  return { calls = calls, rss = rss, private = private }
end

-- Of a transport that stays open, from a tenth of the calls on: KiB.
local function growth_while_open(calls)
  local first
  for i = 1, calls do
    acts.good()
    first = first or i >= calls / 10 and settled_memory() or nil
  end
  return settled_memory() - first
end

-- By least squares over the last three quarters: KiB a thousand calls.
local function slope(history)
  local n, x, y, xx, xy = 0, 0, 0, 0, 0
  for i = math.ceil(#history / 4), #history do
    local calls, rss = history[i].calls / 1000, history[i].rss
    n, x, y = n + 1, x + calls, y + rss
    xx, xy = xx + calls * calls, xy + calls * rss
  end
  return (n * xy - x * y) / (n * xx - x * x)
end

math.randomseed(1)
for _ = 1, 3 do -- so that nothing is there for the first time after 10 %
  for _, name in ipairs(names) do
    acts[name]()
  end
end

local calls, history = 0, {}
local cpu, began = os.clock(), core.now()
while calls < wanted do
  calls = calls + act()
  if calls >= wanted * (#history + 1) / samples then
    history[#history + 1] = held(calls)
    if #history == samples / 10 or #history == samples then
      history[#history].descriptors = descriptors()
    end
  end
end
cpu, began = os.clock() - cpu, core.now() - began
local kept_open = math.ceil(calls / 10)
local growth = growth_while_open(kept_open)

local first, last = history[samples / 10], history[#history]
print(("%d calls in %.0f s: %.0f a second, %.0f us of CPU each, %d wrong")
  :format(calls, began, calls / began, cpu / calls * 1e6, wrong))
print "                    at 10 %   at 100 %     growth"
for _, name in ipairs { "rss", "private", "descriptors" } do
  print(("%-12s %10d %10d %10d%s"):format(name, first[name], last[name],
    last[name] - first[name], name ~= "descriptors" and " KiB" or ""))
end
print(("slope of rss %.3f KiB a thousand calls"):format(slope(history)))
print(("rss grows by %d KiB in %d calls of a transport that stays open")
  :format(growth, kept_open))
os.exit(wrong == 0 and last.rss - first.rss < most_growth
  and growth < most_growth
  and last.descriptors <= first.descriptors and 0 or 1, true)
