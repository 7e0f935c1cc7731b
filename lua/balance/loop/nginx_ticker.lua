-- SPDX-License-Identifier: MIT
--- The ticker of a worker of nginx: a timer that steps the transport while a
-- transfer is under way, and notifies the coroutines that wait for one.
-- Between two steps it waits for the transport's waker; where there is none, it
-- sleeps for a moment.
--
-- A coroutine of ngx_lua waits with a waiter, which has a semaphore of its
-- own. The waiter is registered for a transfer, by a gather for several, and
-- is notified when one of them is done. Where nginx has no timer left, the
-- waiting coroutines step the transport themselves.
-- @module balance.loop.nginx_ticker

local core = require "balance.core"
local waker = require "balance.loop.nginx_waker"
local ngx = rawget(_G, "ngx")
local semaphore

local _M = {}

--- Loads the semaphores of ngx_lua; raises outside of nginx.
function _M.load()
  semaphore = require "ngx.semaphore"
end

--- The pause between two steps without a waker, in seconds: a `share` of the
-- time in which no transfer has moved or begun, so that it adds little to what
-- a call takes. Never less than `shortest`, the resolution of nginx's timers,
-- nor more than `longest`.
_M.period = { shortest = 0.001, longest = 0.004, share = 1 / 100 }

-- Seconds. The pause between two steps with a waker is not longer than
-- `longest_wait`, so that a step can sweep. When all transfers have ended, the
-- ticker stays for `linger`: calls that follow each other share it.
local longest_wait, sweep_after, linger = 0.25, 0.2, 0.02

-- A ticker that is late by `lost_after` is lost; by `woken_late_after` where the
-- waker's thread has to run first. The next one starts only after
-- `restart_after`: where lua_max_running_timers refuses it, nginx logs an alert
-- each time.
local lost_after, woken_late_after, restart_after = 0.1, 1, 1 -- seconds

local waiting = {} -- by the id of a transfer: { transfer, waiter }
local swept_at = 0
local ticker -- { late_at, quiet, socket }: quiet for so many seconds
local lost_at = -restart_after

--- Makes a waiter. Its `done` lists the transfers that it was notified of.
-- @tparam ?table outer the waiter of the gather around this one
-- @treturn table
function _M.new_waiter(outer)
  return {
    semaphore = semaphore.new(), outer = outer,
    asleep = false, notified = false, done = {},
  }
end

local function notify(waiter, transfer)
  waiter.done[#waiter.done + 1] = transfer
  if waiter.asleep and not waiter.notified then
    waiter.semaphore:post()
  end
  waiter.notified = true
end

local function notify_of(id)
  local entry = waiting[id]
  waiting[id] = nil
  if entry then
    notify(entry.waiter, entry.transfer)
  end
end

--- Notifies every waiter, as if all transfers were done.
function _M.notify_all()
  for id in pairs(waiting) do
    notify_of(id)
  end
end

--- Has a waiter notified when a transfer is done, at once where it is.
-- @tparam table waiter
-- @tparam userdata transfer
function _M.register(waiter, transfer)
  if transfer:done() then
    notify(waiter, transfer)
  else
    waiting[transfer:id()] = { transfer = transfer, waiter = waiter }
    if ticker then
      ticker.quiet = 0 -- it may be answered soon
    end
  end
end

--- Takes that back.
-- @tparam userdata transfer
function _M.unregister(transfer)
  waiting[transfer:id()] = nil
end

-- Whether the coroutine behind a waiter has ended, as its request is over or
-- its thread was killed. The semaphore counts -1 while a coroutine waits for
-- it and 0 otherwise, and one more after a post.
local function is_abandoned(waiter)
  if waiter.outer then
    return is_abandoned(waiter.outer)
  end
  return waiter.asleep
    and waiter.semaphore:count() >= (waiter.notified and 1 or 0)
end

-- Finds what a step does not report: transfers of a closed transport, which
-- are done, and those that nobody waits for any more, which are closed.
local function sweep()
  swept_at = core.now()
  for id, entry in pairs(waiting) do
    if entry.transfer:done() then
      notify_of(id)
    elseif is_abandoned(entry.waiter) then
      waiting[id] = nil
      entry.transfer:close()
    end
  end
end

local function step()
  local transport = core.transport()
  local moved, kind, message, hint = transport:step()
  for id in transport.finished, transport do
    notify_of(id)
  end
  if core.now() - swept_at >= sweep_after then
    sweep()
  end
  return moved, kind, message, hint
end

local function lose(this)
  if ticker == this then
    ticker, lost_at = nil, core.now()
  end
end

-- Waits for the waker. Returns false where there is none.
local function wait(this, transport, limit)
  this.late_at = core.now() + limit + woken_late_after
  this.socket = this.socket or waker.connect(transport)
  if not this.socket then
    return false
  elseif not waker.wait(this.socket, transport, limit) then
    waker.disconnect(this.socket, transport)
    this.socket = nil
  end
  return this.socket ~= nil
end

local function nap(this)
  local period = _M.period
  local pause = math.max(this.quiet * period.share, period.shortest)
  pause = math.min(pause, period.longest)
  this.quiet = this.quiet + pause
  this.late_at = core.now() + pause + lost_after
  ngx.sleep(pause)
end

-- A ticker that came so late that it was taken for lost goes on where no other
-- one has taken its place: nobody else may be left to step the transport.
local function tick_until_idle(this)
  local transport = core.transport()
  while ticker == this or not ticker do
    ticker = this
    local is_busy = transport:timeout() ~= nil
    if not is_busy and (not this.socket or ngx.worker.exiting()) then
      return
    end
    local is_woken = wait(this, transport, is_busy and longest_wait or linger)
    if not is_busy and not transport:timeout() then
      return
    elseif not is_woken then
      nap(this)
    end
    local moved = step()
    if not moved then
      return lose(this) -- the waiting coroutines step, and get the failure
    elseif moved > 0 then
      this.quiet = 0
    end
  end
end

-- However the ticker ends, all waiters are notified: whose transfer is not
-- done starts another ticker, or steps itself.
local function tick(_, this)
  local ok, message = pcall(tick_until_idle, this)
  if this.socket then
    waker.disconnect(this.socket, core.transport())
  end
  if not ok then
    lose(this)
  elseif ticker == this then
    ticker = nil
  end
  if not ticker then
    _M.notify_all()
  end
  if not ok then
    error(message, 0)
  end
end

-- The ticker, a new one if need be; nil where nginx has no timer for it.
local function get_ticker()
  if not ticker and core.now() - lost_at >= restart_after then
    ticker = { quiet = 0, late_at = core.now() + lost_after }
    if not ngx.timer.at(0, tick, ticker) then
      lose(ticker)
    end
  end
  return ticker
end

-- At least one millisecond: nginx takes less for zero, and would not serve
-- anybody else meanwhile.
local function seconds_until(due)
  return math.max(due - core.now(), _M.period.shortest)
end

--- Sleeps until a time, or until the waiter is notified. A gather inside
-- another one sleeps shorter: it yields to the outer one, which must go on.
-- @tparam table waiter
-- @tparam number due by the clock of `core.now`
function _M.sleep_until(waiter, due)
  local seconds = seconds_until(due)
  if waiter.outer then
    coroutine.yield(core.now() + math.min(seconds, _M.period.longest))
  else
    waiter.asleep = true
    waiter.semaphore:wait(seconds)
    waiter.asleep = false
  end
end

-- Where the waker did not wake it in time, the next one sleeps instead.
local function give_up_on(current)
  if ticker == current and current.socket then
    waker.rest()
  end
  lose(current)
end

--- Waits until a waiter is notified, while the ticker or, without one, this
-- function steps the transport.
-- @tparam table waiter
-- @tparam ?number due when to return at the latest, by the clock of `core.now`
-- @treturn boolean true; or nil, a kind, a message and a hint
function _M.wait(waiter, due)
  local ok, kind, message, hint = step()
  while ok and not waiter.notified and not (due and core.now() >= due) do
    local current = get_ticker()
    local late_at = current and current.late_at or 0
    _M.sleep_until(waiter, math.min(late_at, due or late_at))
    if not current then
      ok, kind, message, hint = step()
    elseif not waiter.notified and core.now() >= current.late_at then
      give_up_on(current)
    end
  end
  waiter.notified = false
  if not ok then
    return nil, kind, message, hint
  end
  return true
end

return _M
