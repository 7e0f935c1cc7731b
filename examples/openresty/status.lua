-- SPDX-License-Identifier: MIT
--
-- The monitor of nginx.conf beside this file, and its reports. After each
-- look, a snapshot is put into the shared dictionary `balances` as the three
-- texts that the locations send, and for the guard what is left of each
-- account. No location makes a call.
-- luacheck: std +ngx_lua
local balance = require "balance"
local cjson = require "cjson.safe"
local monitor = require "balance.monitor"
local report = require "balance.report"

local _M = {}

local balances = ngx.shared.balances
local settings

--- For init_by_lua: see nginx.conf.
function _M.setup(given)
  settings = given
end

-- Where the histories are: in Redis, where all machines share them and they
-- survive a restart of nginx; else in the dictionary.
local function store()
  local redis = settings.redis
  return not redis and balances or balance.store.redis(function()
    local client = require("resty.redis"):new()
    client:set_timeouts(500, 500, 500) -- milliseconds
    local ok, err = client:connect(redis.host, redis.port)
    return ok and client, err
  end)
end

-- An alarm, for the log.
local function log_event(event)
  ngx.log(ngx.WARN, "balance of ", event.account, " is ", event.event, " (",
    event.alarm, "), left: ", event.available, " ", event.unit)
end

-- Once a round, whichever worker comes first.
local function log_failure(account)
  local mark = ("logged %s %s"):format(account.name, account.failed_at)
  if account.failure and balances:add(mark, true, 2 * settings.every) then
    ngx.log(ngx.WARN, "balance of ", account.name, ": ", account.failure.kind,
      ": ", account.failure.message)
  end
end

-- What the guard reads: it is there until it is too old.
local function publish_account(account)
  local key = "left " .. account.name
  local age = account.available and ngx.time() - account.fetched_at
  if age and age < settings.max_age then
    balances:set(key, cjson.encode {
      available = account.available, unit = account.unit,
      fetched_at = account.fetched_at,
    }, settings.max_age - age)
  else
    balances:delete(key)
  end
end

-- Whether there was a round.
local function is_known(snapshot)
  for _, account in ipairs(snapshot.accounts) do
    if account.fetched_at or account.failed_at then
      return true
    end
  end
end

local function publish(watched)
  local snapshot = watched:snapshot()
  if not is_known(snapshot) then
    return
  end
  local page, policy = report.page(snapshot)
  local lifetime = 4 * settings.every -- without a look, nothing is shown
  balances:set("page", page, lifetime)
  balances:set("policy", policy, lifetime)
  balances:set("json", report.json(snapshot), lifetime)
  balances:set("metrics", report.prometheus(snapshot), lifetime)
  for _, account in ipairs(snapshot.accounts) do
    publish_account(account)
    log_failure(account)
  end
end

--- For init_worker_by_lua: watches the accounts, in timers.
function _M.start()
  local watched = monitor.new {
    accounts = settings.accounts, every = settings.every, store = store(),
    alarms = settings.alarms, notify = settings.notify or log_event,
  }
  assert(watched:run(publish))
end

local function send(name, content_type)
  local text = balances:get(name)
  ngx.header["Cache-Control"] = "no-store"
  ngx.header["X-Content-Type-Options"] = "nosniff"
  if not text then
    ngx.header["Retry-After"] = 1
    return ngx.exit(503) -- the first round is under way
  end
  ngx.header["Content-Type"] = content_type
  ngx.print(text)
end

--- For content_by_lua: the page for people.
function _M.page()
  ngx.header["Content-Security-Policy"] = balances:get "policy"
  return send("page", "text/html; charset=utf-8")
end

--- For content_by_lua: the document for programs.
function _M.json()
  return send("json", "application/json")
end

--- For content_by_lua: the metrics for Prometheus.
function _M.metrics()
  return send("metrics", report.prometheus_type)
end

return _M
