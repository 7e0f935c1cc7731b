-- SPDX-License-Identifier: MIT
--
-- The functions that nginx.conf beside this file calls. The last balances are
-- in the shared dictionary `balances`, which all workers see; old entries
-- expire there. A balance that is not there is unknown, and never 0.
-- luacheck: std +ngx_lua
local balance = require "balance"
local cjson = require "cjson.safe"

local _M = {}

local balances = ngx.shared.balances
local settings

--- For init_by_lua: see nginx.conf.
function _M.setup(given)
  settings = given
end

-- The fields of a result that others may see.
local function summary(result)
  return {
    provider = result.provider,
    available = result.available,
    unit = result.unit,
    fetched_at = result.fetched_at,
  }
end

-- Asks for all accounts, and keeps the results. After a failure the old value
-- stays until it expires.
local function ask()
  local results, failures = balance.all(settings.accounts)
  for name, result in pairs(results) do
    balances:set(name, cjson.encode(summary(result)), settings.max_age)
  end
  return results, failures
end

-- Runs in each worker; each time, only the first worker asks.
local function refresh(premature)
  local turn = "\0turn" -- no account's name
  if premature or not balances:add(turn, true, settings.every / 2) then
    return
  end
  local _, failures = ask()
  for name, failure in pairs(failures) do
    -- One line, without the key.
    ngx.log(ngx.WARN, "balance of ", name, ": ", tostring(failure))
  end
end

--- For init_worker_by_lua: refreshes now, and then regularly. The calls are
-- made in timers, so that the worker starts at once.
function _M.start()
  assert(ngx.timer.at(0, refresh))
  assert(ngx.timer.every(settings.every, refresh))
end

local function answer(status, body)
  ngx.status = status
  ngx.header["Content-Type"] = "application/json"
  ngx.header["Cache-Control"] = "no-store"
  ngx.say(cjson.encode(body))
  return ngx.exit(ngx.HTTP_OK) -- the status above is sent
end

--- For content_by_lua: the balance of each account, or why there is none.
function _M.show()
  local results, failures = ask()
  local body = { accounts = {}, failures = {} }
  for name, result in pairs(results) do
    body.accounts[name] = summary(result)
  end
  for name, failure in pairs(failures) do
    body.failures[name] = {
      provider = failure.provider,
      kind = failure.kind,
      message = failure.message,
      hint = failure.hint,
      retryable = failure.retryable,
    }
  end
  return answer(200, body)
end

--- For access_by_lua: lets a request pass where its account has enough.
function _M.check(wanted)
  local known = balances:get(wanted.account)
  if not known then
    if wanted.unknown == "pass" then
      return
    end
    ngx.header["Retry-After"] = math.ceil(settings.every)
    return answer(503, { error = "balance unknown", account = wanted.account })
  end
  local last = cjson.decode(known)
  if last.available < wanted.threshold then
    return answer(402, {
      error = "balance too low",
      account = wanted.account,
      available = last.available,
      unit = last.unit,
      threshold = wanted.threshold,
      age = ngx.time() - last.fetched_at, -- seconds
    })
  end
end

return _M
