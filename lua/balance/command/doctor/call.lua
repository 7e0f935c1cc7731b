-- SPDX-License-Identifier: MIT
--- The doctor looks at a call: the lookup of the name, the connection, TLS, the
-- answer, and the clock.
-- @module balance.command.doctor.call

local mask = require("balance.command.doctor.findings").mask

local _M = {}

local steps = { -- in their order: the check, its kind of failure, its time
  { "DNS", "dns", "dns" }, { "connect", "connect", "connect", after = "dns" },
  { "TLS", "tls", "tls", after = "connect" },
}

local remedies = {
  dns = "look at the name, at /etc/resolv.conf, and at the network",
  connect = "a firewall may be in between, or a proxy is needed: https_proxy",
  tls = "bring ca-certificates up to date; where something in between opens"
    .. " TLS, SSL_CERT_FILE names its authority",
  timeout = "try --timeout 30; a firewall may drop what is sent",
  network = "try again; where it stays, something in between cuts it off",
  auth = "look at the account's page whether the key is right, and of which"
    .. " site it is",
  rate_limit = "ask less often",
  http = "try again later; something in between may have answered",
  config = "put that right first: nothing was sent",
}

local function milliseconds(seconds)
  return ("%.0f ms"):format(math.max(seconds, 0) * 1000)
end

-- Adds the steps before an answer. Returns whether all went well.
local function add_steps(findings, attempt, failure)
  local timing = attempt and attempt.timing or {}
  local is_tls = not attempt or not attempt.endpoint
    or attempt.endpoint:lower():find "^https:"
  for _, step in ipairs(steps) do
    local check, kind, took = step[1], step[2], timing[step[3]]
    if failure and failure.kind == kind then
      findings:add("wrong", check, mask(failure.message),
        mask(failure.hint or remedies[kind]))
      return false
    elseif kind == "tls" and not is_tls then
      findings:add("skipped", check, "it is a loopback address without TLS")
    elseif took and (took > 0 or not failure) then
      local seconds = took - (step.after and timing[step.after] or 0)
      findings:add("ok", check, ("%s%s"):format(
        kind == "tls" and "the chain is trusted, " or "",
        milliseconds(seconds)))
    end
  end
  return true
end

-- What is left is nobody else's business.
local function add_answer(findings, attempt, result, failure)
  if result then
    findings:add("ok", "answer", ("HTTP %d, the amount is in %s, %s"):format(
      attempt.status, result.available_from,
      milliseconds(result.timing.total)))
    return
  end
  local status = attempt and attempt.status
  findings:add("wrong", "answer", ("%s: %s%s"):format(failure.kind,
    mask(failure.message), status and (" (HTTP %d)"):format(status) or ""),
    mask(failure.hint or remedies[failure.kind]
      or "try again later; where it stays, report it with `balance doctor"
      .. " --json`"))
end

local max_ahead = 30 -- seconds; Tencent refuses a signature of 300

local function add_clock(findings, attempt)
  local ahead = attempt and attempt.clock_ahead
  if not ahead then
    return
  end
  local off = math.abs(ahead)
  findings:add(off > max_ahead and "wrong" or "ok", "clock",
    ("%s the service's"):format(off <= 1 and "the same as"
      or ("%d seconds %s"):format(off, ahead > 0 and "behind" or "ahead of")),
    off > max_ahead and "set this machine's clock: timedatectl set-ntp true"
      or nil)
end

--- Looks.
-- @tparam table findings
-- @tparam ?table attempt the trace's event of the last request
-- @tparam ?balance.Result result
-- @tparam ?balance.Failure failure
function _M.look(findings, attempt, result, failure)
  if attempt and attempt.endpoint then
    findings:add("ok", "endpoint", attempt.endpoint)
  end
  if add_steps(findings, attempt, failure) then
    add_answer(findings, attempt, result, failure)
  end
  add_clock(findings, attempt)
end

return _M
