-- SPDX-License-Identifier: MIT
--- How a call waits inside nginx (ngx_lua): by the phase that it is made in.
-- While nginx starts it blocks, as nothing is served yet; where nginx can
-- wait, the worker goes on serving; elsewhere a call must not begin.
-- @module balance.loop.nginx

local blocking = require "balance.loop.blocking"
local core = require "balance.core"
local nginx_gather = require "balance.loop.nginx_gather"
local ticker = require "balance.loop.nginx_ticker"
local ngx = rawget(_G, "ngx")

local _M = {}

--- Loads what ngx_lua has for it; raises outside of nginx.
_M.load = ticker.load

--- How often the ticker looks, see there.
_M.period = ticker.period

local can_wait = {
  rewrite = true, server_rewrite = true, access = true, content = true,
  timer = true, ssl_cert = true, ssl_session_fetch = true,
  ssl_client_hello = true,
}

local may_block = { init = true, init_worker = true }

local has_async_dns -- as core.info() says

--- Whether a call may begin in this phase.
-- @treturn boolean true; or nil, a kind, a message and a hint
function _M.ready()
  local phase = ngx.get_phase()
  if may_block[phase] then
    return true
  elseif not can_wait[phase] then
    return nil, "phase", "nginx cannot wait in the phase " .. phase,
      "make the call in ngx.timer.at, or in an earlier phase"
  end
  if has_async_dns == nil then
    has_async_dns = core.info().async_dns
  end
  if not has_async_dns then
    return nil, "config", "this libcurl looks names up in the caller's "
      .. "thread, which would stop the worker",
      "install a libcurl with a threaded resolver or c-ares"
  end
  return true
end

--- Waits until a transfer is done.
-- @tparam userdata transfer
-- @treturn boolean true; or nil, a kind, a message and a hint
function _M.wait(transfer)
  if may_block[ngx.get_phase()] then
    return blocking.wait(transfer)
  elseif nginx_gather.is_gathered() then
    return coroutine.yield(transfer)
  end
  local waiter = ticker.new_waiter()
  local ok, kind, message, hint = true
  while ok and not transfer:done() do
    ticker.register(waiter, transfer)
    ok, kind, message, hint = ticker.wait(waiter)
  end
  if not ok then
    ticker.unregister(transfer)
  end
  return ok, kind, message, hint
end

--- Sleeps.
-- @tparam number seconds
function _M.sleep(seconds)
  if may_block[ngx.get_phase()] then
    blocking.sleep(seconds)
  elseif nginx_gather.is_gathered() then
    coroutine.yield(core.now() + seconds)
  else
    ngx.sleep(seconds)
  end
end

--- Runs a function in a timer: the request may end before it does.
-- @tparam function body
-- @treturn boolean false where it is not run: nginx has no timer left, or this
-- worker is about to end
function _M.spawn(body)
  if ngx.get_phase() == "init" or ngx.worker.exiting() then
    return false
  end
  local begun = ngx.timer.at(0, function(worker_ends)
    if not worker_ends then
      body()
    end
  end)
  return begun ~= nil and begun ~= false
end

local gathering = false -- in init_by_lua

--- Called after each call. In init_by_lua it closes the transport: every
-- worker would inherit a connection that is kept.
function _M.leave()
  if ngx.get_phase() == "init" and not gathering then
    core.transport():close()
  end
end

local function gather_in_init(functions)
  gathering = true
  local ok, message = pcall(blocking.gather, functions)
  gathering = false
  _M.leave()
  if not ok then
    error(message, 0)
  end
end

--- Calls functions side by side; one after the other where ngx_lua has no
-- coroutines, which is in init_worker_by_lua, and where no call can wait.
-- @tparam {function,...} functions
-- @raise what one of them raised; the others are given up
function _M.gather(functions)
  local phase = ngx.get_phase()
  if can_wait[phase] then
    nginx_gather.run(functions)
  elseif phase == "init" then
    gather_in_init(functions)
  else
    for _, body in ipairs(functions) do
      body()
    end
  end
end

return _M
