-- SPDX-License-Identifier: MIT
--- How a call waits inside nginx (ngx_lua): it gives the worker back.
--
-- One ticker a worker, a zero-delay timer, steps the transport while anything
-- is under way and wakes each waiter by a semaphore of its own. It never
-- waits for a socket, so nothing in nginx ever waits for it. Where nginx has
-- no timer left, the waiters step the transport themselves.
-- @module balance.loop.nginx

local blocking = require "balance.loop.blocking"
local core = require "balance.core"
local flight = require "balance.flight"
local ngx = rawget(_G, "ngx")
local semaphore

local _M = {}

--- Loads what ngx_lua has for it; raises outside of nginx.
function _M.load()
  semaphore = require "ngx.semaphore"
end

--- The ticker's period in seconds: a `share` of the time in which nothing has
-- come, so that what it adds stays small beside what a call takes anyway; but
-- not less than the shortest, which is nginx's, nor more than the longest.
_M.period = { shortest = 0.001, longest = 0.004, share = 1 / 100 }

-- Every so many steps: is there still somebody behind each semaphore, and
-- something to wait for?
local steps_a_sweep = 64

-- So many calls of a gather begin before somebody else has a turn.
local starts_at_once = 16

-- A ticker that has not moved for so long is lost, and only after so long is
-- there another: lua_max_running_timers refuses one with an alert in the log.
local patience, respite = 0.1, 1 -- seconds

local can_wait = {
  rewrite = true, server_rewrite = true, access = true, content = true,
  timer = true, ssl_cert = true, ssl_session_fetch = true,
  ssl_client_hello = true,
}

-- Nothing else is being served there yet.
local may_block = { init = true, init_worker = true }

local waiting = {} -- by the id of a transfer: { transfer, alarm }
local steps = 0
local ticker -- { ticks, quiet }: seconds since something came or began
local lost_at = -respite -- when the last ticker was lost
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

-- What a request waits for: any of its transfers. `done` are those that were
-- heard of since it looked.
local function new_alarm()
  return {
    semaphore = semaphore.new(), asleep = false, rung = false, done = {},
  }
end

local function ring(alarm, transfer)
  alarm.done[#alarm.done + 1] = transfer
  if alarm.asleep and not alarm.rung then
    alarm.semaphore:post()
  end
  alarm.rung = true
end

local function wake(id)
  local waiter = waiting[id]
  waiting[id] = nil
  if waiter then
    ring(waiter.alarm, waiter.transfer)
  end
end

local function wake_all()
  for id in pairs(waiting) do
    wake(id)
  end
end

local function set(alarm, transfer)
  if transfer:done() then
    ring(alarm, transfer)
  else
    waiting[transfer:id()] = { transfer = transfer, alarm = alarm }
    if ticker then
      ticker.quiet = 0 -- this one may be answered soon
    end
  end
end

-- A request that ended, or a thread that was killed, waits no more: its calls
-- are nobody's. One whose alarm has rung may not have heard it yet.
local function is_abandoned(alarm)
  if alarm.outer then
    return is_abandoned(alarm.outer)
  end
  return alarm.asleep
    and alarm.semaphore:count() >= (alarm.rung and 1 or 0)
end

-- Those of a transport that was closed are done, and in no list.
local function sweep()
  for id, waiter in pairs(waiting) do
    if waiter.transfer:done() then
      wake(id)
    elseif is_abandoned(waiter.alarm) then
      waiting[id] = nil
      waiter.transfer:close()
    end
  end
end

local function step()
  local transport = core.transport()
  local moved, kind, message, hint = transport:step()
  for id in transport.finished, transport do
    wake(id)
  end
  steps = steps + 1
  if steps % steps_a_sweep == 0 then
    sweep()
  end
  return moved, kind, message, hint
end

local function lose(this)
  if ticker == this then
    ticker, lost_at = nil, core.now()
  end
end

local function tick_until_idle(this)
  local transport, period = core.transport(), _M.period
  while ticker == this and transport:timeout() do
    local pause = math.max(this.quiet * period.share, period.shortest)
    pause = math.min(pause, period.longest)
    this.quiet = this.quiet + pause
    ngx.sleep(pause)
    this.ticks = this.ticks + 1
    local moved = step()
    if not moved then
      return lose(this) -- each waiter then finds out why
    elseif moved > 0 then
      this.quiet = 0
    end
  end
end

-- However the ticking ends, nobody is left behind: who is not done looks
-- after itself, or starts it anew.
local function tick(_, this)
  local ok, message = pcall(tick_until_idle, this)
  if not ok then
    lose(this)
  elseif ticker == this then
    ticker = nil
  end
  if not ticker then
    wake_all()
  end
  if not ok then
    error(message, 0)
  end
end

-- The ticker, if need be a new one; nil where there is none to be had.
local function get_ticker()
  if not ticker and core.now() - lost_at >= respite then
    ticker = { ticks = 0, quiet = 0 }
    if not ngx.timer.at(0, tick, ticker) then
      lose(ticker)
    end
  end
  return ticker
end

-- How long it is until then. nginx counts whole milliseconds: of less than one
-- it would make none, and whoever waits would stop the worker till then.
local function seconds_until(due)
  return math.max(due - core.now(), _M.period.shortest)
end

-- The coroutines of gathers, each with its gather's alarm: what one of them
-- waits for its gather awaits.
local gathered = setmetatable({}, { __mode = "k" })

-- A gather inside another looks now and then, and the outer one goes on: it
-- may have what somebody of the inner one waits for.
local function rest(alarm, seconds)
  if alarm.outer then
    coroutine.yield(core.now() + math.min(seconds, _M.period.longest))
  else
    alarm.asleep = true
    alarm.semaphore:wait(seconds)
    alarm.asleep = false
  end
end

-- True once the alarm has rung, or at the time `due`; or nil, a kind, a
-- message and a hint.
local function await(alarm, due)
  local ok, kind, message, hint = step()
  local this, ticks
  local look_at = 0 -- then we see whether the ticker has moved
  while ok and not alarm.rung and not (due and core.now() >= due) do
    if core.now() >= look_at then
      this = get_ticker()
      ticks = this and this.ticks
      look_at = this and core.now() + patience or 0
    end
    rest(alarm, seconds_until(math.min(look_at, due or look_at)))
    if not this then
      ok, kind, message, hint = step()
    elseif not alarm.rung and this.ticks == ticks
      and core.now() >= look_at then
      lose(this)
    end
  end
  alarm.rung = false
  if not ok then
    return nil, kind, message, hint
  end
  return true
end

--- Waits until a transfer is done.
-- @tparam userdata transfer
-- @treturn boolean true; or nil, a kind, a message and a hint
function _M.wait(transfer)
  if may_block[ngx.get_phase()] then
    return blocking.wait(transfer)
  elseif gathered[coroutine.running()] then
    return coroutine.yield(transfer)
  end
  local alarm = new_alarm()
  local ok, kind, message, hint = true
  while ok and not transfer:done() do
    set(alarm, transfer)
    ok, kind, message, hint = await(alarm)
  end
  if not ok then
    waiting[transfer:id()] = nil
  end
  return ok, kind, message, hint
end

local gathering = false

--- Called after each call: what nginx starts with must keep no connection,
-- or every worker would inherit it.
function _M.leave()
  if ngx.get_phase() == "init" and not gathering then
    core.transport():close()
  end
end

--- Sleeps.
-- @tparam number seconds
function _M.sleep(seconds)
  if may_block[ngx.get_phase()] then
    blocking.sleep(seconds)
  elseif gathered[coroutine.running()] then
    coroutine.yield(core.now() + seconds)
  else
    ngx.sleep(seconds)
  end
end

local function gather_at_start(functions)
  gathering = true
  local ok, message = pcall(blocking.gather, functions)
  gathering = false
  _M.leave()
  if not ok then
    error(message, 0)
  end
end

local function give_up(threads, sleepers)
  for transfer, thread in pairs(threads) do
    waiting[transfer:id()] = nil
    transfer:close()
    flight.give_up(thread)
  end
  for thread in pairs(sleepers) do
    flight.give_up(thread)
  end
end

local function first_of(sleepers)
  local first
  for _, wake_at in pairs(sleepers) do
    first = math.min(first or wake_at, wake_at)
  end
  return first
end

-- Not in light threads: ngx_lua loses track of those whose parent is killed.
local function gather_coroutines(functions)
  local alarm = new_alarm()
  alarm.outer = gathered[coroutine.running()]
  local threads, sleepers = {}, {} -- by transfer; until when
  local function resume(thread, ...)
    local ok, awaited = coroutine.resume(thread, ...)
    if not ok then
      give_up(threads, sleepers)
      error(awaited, 0)
    elseif coroutine.status(thread) == "dead" then
      return
    elseif type(awaited) == "number" then
      sleepers[thread] = awaited
    else
      threads[awaited] = thread
      set(alarm, awaited)
    end
  end
  local function resume_heard(ok, ...)
    local heard = alarm.done
    alarm.done = {}
    for _, transfer in ipairs(heard) do
      if ok and not transfer:done() then
        set(alarm, transfer)
      else
        local thread = threads[transfer]
        threads[transfer] = nil
        resume(thread, ok, ...)
      end
    end
  end
  local function resume_rested()
    local now, rested = core.now(), {}
    for thread, wake_at in pairs(sleepers) do
      rested[#rested + 1] = wake_at <= now and thread or nil
    end
    for _, thread in ipairs(rested) do
      sleepers[thread] = nil
      resume(thread)
    end
  end

  for i, body in ipairs(functions) do
    local thread = coroutine.create(body)
    gathered[thread] = alarm
    resume(thread)
    if i % starts_at_once == 0 and i < #functions then
      rest(alarm, _M.period.shortest)
    end
  end
  while next(threads) or next(sleepers) do
    local due = first_of(sleepers)
    if next(threads) then
      local ok, kind, message, hint = await(alarm, due)
      if not ok then
        wake_all() -- whoever waits is to hear of it
      end
      resume_heard(ok, kind, message, hint)
    else
      rest(alarm, seconds_until(due))
    end
    resume_rested()
  end
end

--- Calls functions side by side, each in a coroutine; one after the other
-- where ngx_lua has none: in init_worker_by_lua, and where no call can wait.
-- @tparam {function,...} functions
-- @raise what one of them raised; the others are given up
function _M.gather(functions)
  local phase = ngx.get_phase()
  if can_wait[phase] then
    gather_coroutines(functions)
  elseif phase == "init" then
    gather_at_start(functions)
  else
    for _, body in ipairs(functions) do
      body()
    end
  end
end

return _M
