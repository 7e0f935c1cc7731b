-- SPDX-License-Identifier: MIT
--- How a call waits inside nginx (ngx_lua): it gives the worker back.
--
-- One ticker a worker, a zero-delay timer, steps the transport while anything
-- is under way and wakes each waiter by a semaphore of its own. It never
-- waits for a socket, so nothing in nginx ever waits for it.
-- @module balance.loop.nginx

local blocking = require "balance.loop.blocking"
local core = require "balance.core"
local ngx = ngx
local semaphore = require "ngx.semaphore"

local _M = {}

--- The ticker's period in seconds: the shortest while something moves, and a
-- longer one step by step, up to the longest, while nothing does.
_M.period = { shortest = 0.001, longest = 0.004 }

-- Every so many ticks: is there still somebody behind each semaphore?
local ticks_a_sweep = 64

local can_wait = {
  rewrite = true, server_rewrite = true, access = true, content = true,
  timer = true, ssl_cert = true, ssl_session_fetch = true,
  ssl_client_hello = true,
}

-- Nothing else is being served there yet.
local may_block = { init = true, init_worker = true }

-- By the id of a transfer: { transfer, semaphore }.
local waiting = {}
local ticking = false

local async_dns

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
  if async_dns == nil then
    async_dns = core.info().async_dns
  end
  if not async_dns then
    return nil, "config", "this libcurl looks names up in the caller's "
      .. "thread, which would stop the worker",
      "install a libcurl with a threaded resolver or c-ares"
  end
  return true
end

local function wake_finished(transport)
  for id in transport.finished, transport do
    local waiter = waiting[id]
    waiting[id] = nil
    if waiter then
      waiter.semaphore:post()
    end
  end
end

-- A request that ended, or a thread that was killed, waits no more: its call
-- is nobody's.
local function cancel_abandoned()
  for id, waiter in pairs(waiting) do
    if waiter.semaphore:count() >= 0 then
      waiting[id] = nil
      waiter.transfer:close()
    end
  end
end

local function tick_until_idle()
  local transport = core.transport()
  local pause, ticks = _M.period.shortest, 0
  while transport:timeout() do
    ngx.sleep(pause)
    local moved = assert(transport:step())
    wake_finished(transport)
    if moved > 0 then
      pause = _M.period.shortest
    else
      pause = math.min(pause * 1.1, _M.period.longest)
    end
    ticks = ticks + 1
    if ticks % ticks_a_sweep == 0 then
      cancel_abandoned()
    end
  end
end

-- However the ticking ends, nobody is left behind: who is not served starts
-- it anew.
local function tick()
  local ok, message = pcall(tick_until_idle)
  ticking = false
  local all = waiting
  waiting = {}
  for _, waiter in pairs(all) do
    waiter.semaphore:post()
  end
  if not ok then
    error(message, 0)
  end
end

-- False where nginx has no timer left.
local function start_ticking()
  ticking = ticking or ngx.timer.at(0, tick) ~= nil
  return ticking
end

--- Waits until a transfer is done.
-- @tparam userdata transfer
-- @treturn boolean true; or nil, a kind and a message
function _M.wait(transfer)
  local transport = core.transport()
  if may_block[ngx.get_phase()] then
    local ok, kind, message = blocking.wait(transfer)
    transport:close() -- so that no fork inherits its connections
    return ok, kind, message
  end
  transport:step()
  while not transfer:done() do
    if start_ticking() then
      local waiter = { transfer = transfer, semaphore = semaphore.new() }
      waiting[transfer:id()] = waiter
      waiter.semaphore:wait(1) -- and then look again
    else
      ngx.sleep(_M.period.shortest)
      transport:step()
      wake_finished(transport)
    end
  end
  return true
end

--- Sleeps.
-- @tparam number seconds
function _M.sleep(seconds)
  if may_block[ngx.get_phase()] then
    blocking.sleep(seconds)
  else
    ngx.sleep(seconds)
  end
end

--- Calls functions side by side, each in a light thread.
-- @tparam {function,...} functions
-- @raise what one of them raised
function _M.gather(functions)
  local phase = ngx.get_phase()
  if not can_wait[phase] then
    blocking.gather(functions)
    return
  end
  local threads = {}
  for i, body in ipairs(functions) do
    threads[i] = ngx.thread.spawn(body)
  end
  for _, thread in ipairs(threads) do
    local ok, message = ngx.thread.wait(thread)
    if not ok then
      error(message, 0)
    end
  end
end

return _M
