-- SPDX-License-Identifier: MIT
--- A snapshot as Prometheus's metrics, in its text format 0.0.4.
--
-- What is not known has no sample, and `balance_up` is 0. An old value stays,
-- and `balance_last_success_timestamp_seconds` says how old it is. The samples
-- have no timestamps, so that node_exporter's textfile collector takes them,
-- too.
-- @module balance.report.prometheus

local clean = require("balance.failure").clean
local text = require "balance.text"
local version = require "balance.version"
local words = require "balance.report.words"

local _M = {}

--- The Content-Type that Prometheus wants.
_M.content_type = "text/plain; version=0.0.4; charset=utf-8"

local escapes = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n" }

-- A name is shown as it is, but for control characters and what is no UTF-8.
local function escape(value)
  return ((clean(value, {}) or ""):gsub('[\\"\n]', escapes))
end

-- The metrics, in their order. Each has a function that calls `add` for its
-- samples of an account.
local metrics = {}

local function metric(name, kind, help, each)
  metrics[#metrics + 1] = { name = name, kind = kind, help = help,
    each = each }
end

local is_currency = "^[A-Z][A-Z][A-Z]$"

-- The currency of an account's amounts, and the amount in it.
local function money_of(account)
  if words.is_money(account) then
    return account.currency, (words.amount(account, account.available))
  elseif (account.unit or ""):find(is_currency) then
    return account.unit, words.decimal(account.available)
  end
end

metric("balance_credits", "gauge", "Credits that are left.",
  function(account, add)
    if account.available and account.unit == "credit" then
      add("", words.decimal(account.available))
    end
  end)

metric("balance_amount", "gauge", "Money that is left, in the currency.",
  function(account, add)
    local currency, amount = nil, nil
    if account.available then
      currency, amount = money_of(account)
    end
    if currency then
      add((',currency="%s"'):format(escape(currency)), amount)
    end
  end)

metric("balance_units", "gauge", "What is left, in another unit.",
  function(account, add)
    if account.available and account.unit ~= "credit"
      and not money_of(account) then
      add((',unit="%s"'):format(escape(account.unit or "")),
        words.decimal(account.available))
    end
  end)

metric("balance_up", "gauge", "Whether the last round had an answer.",
  function(account, add)
    add("", account.is_up and "1" or "0")
  end)

metric("balance_last_success_timestamp_seconds", "gauge",
  "When the last answer came, Unix time.",
  function(account, add)
    if account.fetched_at then
      add("", words.decimal(account.fetched_at))
    end
  end)

metric("balance_failures_total", "counter", "Rounds without an answer.",
  function(account, add)
    for _, kind in ipairs(text.sorted(account.failures)) do
      add((',kind="%s"'):format(escape(kind)),
        words.decimal(account.failures[kind]))
    end
  end)

metric("balance_fetch_duration_seconds", "gauge",
  "How long the last answer took.",
  function(account, add)
    if account.duration then
      add("", words.decimal(account.duration))
    end
  end)

metric("balance_time_to_empty_seconds", "gauge",
  "When nothing is left, at the rate of the last day or week.",
  function(account, add)
    if account.time_to_empty then
      add("", words.decimal(math.floor(account.time_to_empty)))
    end
  end)

metric("balance_alarm", "gauge", "Whether an alarm is on.",
  function(account, add)
    for _, name in ipairs(text.sorted(account.alarms)) do
      add((',alarm="%s"'):format(escape(name)),
        account.alarms[name].state == "low" and "1" or "0")
    end
  end)

metric("balance_info", "gauge", "The unit, and the field that is read.",
  function(account, add)
    if account.unit then
      add((',unit="%s",available_from="%s"'):format(escape(account.unit),
        escape(account.available_from or "")), "1")
    end
  end)

-- Adds a metric's lines to the parts of a text.
local function write(parts, one, accounts, labels)
  local first = #parts + 1
  for i, account in ipairs(accounts) do
    one.each(account, function(more, value)
      parts[#parts + 1] = ("%s{%s%s} %s\n"):format(one.name, labels[i], more,
        value)
    end)
  end
  if parts[first] then
    table.insert(parts, first, ("# HELP %s %s\n# TYPE %s %s\n"):format(
      one.name, one.help, one.name, one.kind))
  end
end

--- Writes the metrics.
-- @tparam balance.Snapshot snapshot
-- @treturn string
function _M.write(snapshot)
  local labels, parts = {}, {}
  for i, account in ipairs(snapshot.accounts) do
    labels[i] = ('account="%s",provider="%s"'):format(escape(account.name),
      escape(account.provider or ""))
  end
  for _, one in ipairs(metrics) do
    write(parts, one, snapshot.accounts, labels)
  end
  parts[#parts + 1] = ("# HELP balance_build_info The version of balance.\n"
    .. "# TYPE balance_build_info gauge\n"
    .. 'balance_build_info{version="%s"} 1\n'):format(version)
  return table.concat(parts)
end

--- The names of all metrics.
-- @treturn {string,...}
function _M.names()
  local names = {}
  for i, one in ipairs(metrics) do
    names[i] = one.name
  end
  names[#names + 1] = "balance_build_info"
  return names
end

return _M
