-- SPDX-License-Identifier: MIT
--- Snapshots of a monitor as reports get them, for specs that do not need a
-- monitor.
local _M = {}

_M.now = 1795000000 -- Unix time

--- Names that somebody may give an account to break a report.
_M.hostile = {
  '<script>alert(1)</script>', '"quoted" \\ and\nin two lines', "it's|a=b;c",
  "</title><svg onload=alert(1)>", "&amp;\226\128\174\215\144 \195\169",
  "not utf-8 \255", "tab\tand \27[31mred",
}

-- A week of hours with a top-up in the middle, and a start three days ago.
local function history(now, first, an_hour)
  local samples, left = {}, first
  for hour = 167, 0, -1 do
    left = left - an_hour
    local sample = { at = now - hour * 3600 - 60 }
    if hour == 80 then
      sample.top_up, left = 50 * an_hour, left + 50 * an_hour
    end
    sample.left = left
    samples[#samples + 1] = sample
  end
  samples[1].begins = true
  return samples, left
end

--- An account that is well. `changes` replace its fields.
function _M.account(changes)
  local now = _M.now
  local samples, left = history(now, 5000, 4)
  local account = {
    name = "udio", provider = "udio", unit = "credit",
    available_from = "credits", available = left,
    fields = { credits = left, used_credits = 805 },
    fetched_at = now - 60, is_up = true, is_stale = false, duration = 0.182,
    failures = { timeout = 2 }, history = samples,
    outlook = "known", rate = 96, rates = { day = 96, week = 95.5 },
    time_to_empty = left / 96 * 86400, state = "ok", alarms = {},
    undelivered = {},
  }
  for name, value in pairs(changes or {}) do
    account[name] = value
  end
  return account
end

--- A snapshot of these accounts.
function _M.of(accounts)
  return {
    version = 1, at = _M.now, every = 300, accounts = accounts,
  }
end

--- An account of which nothing is known.
function _M.never_asked()
  return {
    name = "new", provider = "udio", unit = "credit", is_up = false,
    is_stale = true, failures = {}, history = {}, state = "unknown",
    outlook = "not enough data", alarms = {}, undelivered = {}, fields = {},
  }
end

-- false in `changes` means none.
local function clean(snapshot)
  for _, account in ipairs(snapshot.accounts) do
    for name, value in pairs(account) do
      if value == false and not name:find "^is_" then
        account[name] = nil
      end
    end
  end
  return snapshot
end

--- One with an account in each state.
function _M.of_all_states()
  local samples, cents = history(_M.now, 2000000, 1250)
  return clean(_M.of {
    _M.account { name = "production", provider = "tencent", unit = "cent",
      currency = "USD", available_from = "RealBalance", available = cents,
      fields = { Balance = cents, RealBalance = cents }, history = samples,
      rate = 30000, rates = { day = 30000, week = 29990 },
      time_to_empty = cents / 30000 * 86400 },
    _M.account { name = "songs", available = 40, state = "low",
      alarms = { min = { state = "low", since = _M.now - 7200, min = 50 } },
      time_to_empty = 40 / 96 * 86400, rates = { day = 96, week = 80 } },
    _M.account { name = "studio", state = "empty soon",
      alarms = {
        min_days = { state = "low", since = _M.now - 600, min_days = 90 },
      } },
    _M.account { name = "tempolor", provider = "tempolor",
      available = 776.56, available_from = "balance",
      fields = { balance = 776.56 }, outlook = "not enough data",
      history = { { at = _M.now - 60, left = 776.56, begins = true } },
      rate = false, rates = false, time_to_empty = false },
    _M.account { name = "quiet", outlook = "idle", rate = 0,
      rates = { day = 0, week = 0 }, time_to_empty = false },
    _M.account { name = "away", state = "unknown", is_up = false,
      is_stale = true, fetched_at = _M.now - 9000,
      failed_at = _M.now - 30, failures = { timeout = 31, dns = 2 },
      failure = { kind = "timeout", message = "no answer within 10 s",
        retryable = true },
      alarms = { unknown = { state = "low", since = _M.now - 7200 } },
      undelivered = { { event = "unknown", alarm = "unknown",
        at = _M.now - 7200, message = "connection refused" } } },
    _M.account { name = "revoked", state = "refused", is_up = false,
      is_stale = true, fetched_at = _M.now - 4000,
      failed_at = _M.now - 30, failures = { auth = 3 },
      failure = { kind = "auth", message = "Invalid API key", code = 401,
        status = 401, retryable = false, hint = "give the key alone" },
      alarms = { auth = { state = "low", since = _M.now - 3900 } } },
    _M.never_asked(),
  })
end

-- A week of uneven use: more by day, with what was bought in between.
local function uneven(now, first, a_day, top_ups)
  local samples, left = {}, first
  for quarter = 7 * 96, 0, -1 do
    local at = now - quarter * 900 - 60
    local by_day = 1 + math.sin((at % 86400) / 86400 * 2 * math.pi - 2)
    left = left - a_day / 96 * by_day
    local sample = { at = at, left = math.floor(left) }
    if top_ups and quarter % top_ups.every == top_ups.at then
      sample.top_up, left = top_ups.amount, left + top_ups.amount
      sample.left = math.floor(left)
    end
    samples[#samples + 1] = sample
  end
  return samples, math.floor(left)
end

--- The one that the README shows.
function _M.of_a_good_week()
  local now = _M.now
  local cloud, cents = uneven(now, 480000, 42000)
  local music, credits = uneven(now, 900, 210,
    { every = 210, at = 60, amount = 500 })
  local studio, few = uneven(now, 620, 76)
  return clean(_M.of {
    _M.account { name = "production", provider = "tencent", unit = "cent",
      currency = "USD", available = cents, history = cloud, rate = 42000,
      time_to_empty = cents / 42000 * 86400 },
    _M.account { name = "songs", available = credits, history = music,
      rate = 210, time_to_empty = credits / 210 * 86400 },
    _M.account { name = "studio", available = few, history = studio,
      rate = 76, time_to_empty = few / 76 * 86400, state = "low",
      alarms = { min = { state = "low", since = now - 7200, min = 150 } } },
    _M.account { name = "tempolor", provider = "tempolor",
      available = 776.56, state = "refused", is_up = false, is_stale = true,
      fetched_at = now - 5000, rate = false, time_to_empty = false,
      outlook = "idle", history = { { at = now - 6 * 86400, left = 776.56 },
        { at = now - 5000, left = 776.56 } },
      failure = { kind = "auth", message = "Invalid API key" } },
  })
end

return _M
