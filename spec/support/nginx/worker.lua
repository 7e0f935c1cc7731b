-- SPDX-License-Identifier: MIT
--- For the specs' Lua inside nginx.
-- luacheck: read globals ngx
local balance = require "balance"
local core = require "balance.core"
local ticker = require "balance.loop.nginx_ticker"
local variant = require "support.variant"
local waker = require "balance.loop.nginx_waker"
require "support.secrets"

local _M = {}

if os.getenv "SPEC_WAKER" == "off" then
  function waker.connect() end
end

--- The name of a provider: the sandbox's Udio with answers that take so many
-- milliseconds.
function _M.slow(ms)
  local name = "slow" .. ms
  if not balance[name] then
    variant.register("udio", function(request)
      request.headers["X-Sandbox-Delay"] = tostring(ms)
    end, { name = name })
  end
  return name
end

--- Calls it, by default with a timeout that no spec waits for.
function _M.call_slow(ms, options)
  return balance[_M.slow(ms)](options or { timeout = 60 })
end

--- One word for what a call returned: the balance, or the kind.
function _M.word(result, err)
  return result and tostring(result.available) or err.kind
end

--- A finished transfer, with headers that a result does not have.
function _M.fetch(headers)
  headers = headers or {}
  local transfer = assert(core.transport():start {
    endpoint = os.getenv "SANDBOX_HTTP1", path = "/api/v2/credits",
    authorization = os.getenv "UDIO_API_KEY", scheme = "Bearer",
    headers = headers, ca_file = os.getenv "SSL_CERT_FILE",
    timeout = 10, connect_timeout = 5,
  })
  assert(require("balance.loop").choose().wait(transfer))
  assert(transfer:result().status == 200)
  return transfer
end

function _M.note(name, value)
  ngx.shared.notes:set(name, tostring(value))
end

-- The value of a local variable of a file, found in the upvalues of a
-- function.
local function find_upvalue(fn, name, seen)
  for i = 1, 60 do
    local found, value = debug.getupvalue(fn, i)
    if not found then
      return nil
    elseif found == name then
      return value
    elseif type(value) == "function" and not seen[value] then
      seen[value] = true
      value = find_upvalue(value, name, seen)
      if value ~= nil then
        return value
      end
    end
  end
end

--- How many transfers of this worker have somebody who waits for them.
function _M.waiting()
  local count = 0
  for _ in pairs(find_upvalue(ticker.wait, "waiting", {})) do
    count = count + 1
  end
  return count
end

--- For how many seconds no transfer has moved or begun, as the ticker counts.
function _M.quiet()
  return find_upvalue(ticker.wait, "ticker", {}).quiet
end

--- The transfers, waiting coroutines and timers of this worker; "idle" where
-- there are none.
function _M.state()
  local left = core.transport():timeout()
  local waiting = _M.waiting()
  local timers = ngx.timer.running_count() + ngx.timer.pending_count()
  if not left and waiting == 0 and timers == 0 then
    return "idle"
  end
  return ("%s, %d waiting, %d timers"):format(
    left and "under way" or "done", waiting, timers)
end

return _M
