-- SPDX-License-Identifier: MIT
--- How a call waits in a plain script: it blocks, and only calls of the same
-- `gather` go on beside it.
-- @module balance.loop.blocking

local core = require "balance.core"
local flight = require "balance.flight"

local _M = {}

--- Nothing is to be loaded.
function _M.load() end

-- The coroutines of all gathers, each as a waiter { thread, group }. A gather
-- inside another one resumes the outer one's too.
local waiting = {} -- waiters by the id of a transfer
local sleeping = {} -- until when, by waiter
local gathered = setmetatable({}, { __mode = "k" }) -- set of the coroutines

-- Whether the running coroutine is one of a gather. It waits by a yield, of a
-- transfer or of the time until which it sleeps.
local function is_gathered()
  local running = coroutine.running()
  return running and gathered[running]
end

--- Waits until a transfer is done. Lua runs now and then meanwhile, so that
-- Ctrl-C works.
-- @tparam userdata transfer
-- @treturn boolean true; or nil, a kind, a message and a hint
function _M.wait(transfer)
  local transport = transfer:transport()
  local yields = transport == core.transport() -- the one that gathers step
    and is_gathered()
  while not transfer:done() do
    local ok, kind, message, hint
    if yields then
      ok, kind, message, hint = coroutine.yield(transfer)
    else
      ok, kind, message, hint = transport:wait()
    end
    if not ok then
      return nil, kind, message, hint
    end
  end
  return true
end

--- Sleeps.
-- @tparam number seconds
function _M.sleep(seconds)
  local wake = core.now() + seconds
  while core.now() < wake do
    if is_gathered() then
      coroutine.yield(wake)
    else
      core.sleep(math.max(wake - core.now(), 0))
    end
  end
end

-- An error is raised by the gather that the coroutine belongs to, whichever
-- gather has resumed it.
local function resume(waiter, ...)
  local thread, group = waiter.thread, waiter.group
  local ok, awaited = coroutine.resume(thread, ...)
  if not ok then
    group.failed = group.failed or { message = awaited }
  elseif coroutine.status(thread) == "dead" then
    group.left = group.left - 1
  elseif type(awaited) == "number" then
    sleeping[waiter] = awaited
  else
    waiting[awaited:id()] = waiter
  end
end

local function seconds_to_sleep()
  local first
  for _, wake in pairs(sleeping) do
    first = first and math.min(first, wake) or wake
  end
  return first and math.max(first - core.now(), 0)
end

local function wake_finished(transport)
  for id in transport.finished, transport do
    local waiter = waiting[id]
    waiting[id] = nil
    if waiter then
      resume(waiter, true)
    end
  end
end

-- The arguments are what their waits return.
local function wake_all(...)
  local all = waiting
  waiting = {}
  for _, waiter in pairs(all) do
    resume(waiter, ...)
  end
end

local function wake_after_wait(transport, ok, ...)
  if ok then
    wake_finished(transport)
  else
    wake_all(nil, ...)
  end
end

local function wake_sleepers()
  local now, due = core.now(), {}
  for waiter, wake in pairs(sleeping) do
    if wake <= now then
      due[#due + 1] = waiter
    end
  end
  for _, waiter in ipairs(due) do
    if sleeping[waiter] then -- not given up meanwhile
      sleeping[waiter] = nil
      resume(waiter)
    end
  end
end

local function gather(functions, group)
  local transport = core.transport()
  for _, body in ipairs(functions) do
    local thread = coroutine.create(body)
    gathered[thread] = true
    resume { thread = thread, group = group }
  end
  while group.left > 0 and not group.failed do
    local seconds = seconds_to_sleep()
    if transport:timeout() then
      wake_after_wait(transport, transport:wait(seconds))
    elseif next(waiting) then
      wake_all(true) -- the transport was closed, which ended all transfers
    elseif seconds then
      core.sleep(seconds)
    end
    wake_sleepers()
  end
end

-- Forgets the coroutines that still wait; their transfers are closed when they
-- are collected.
local function give_up(group)
  for _, waiters in ipairs { waiting, sleeping } do
    for key, value in pairs(waiters) do
      local waiter = type(value) == "table" and value or key
      if waiter.group == group then
        waiters[key] = nil
        flight.give_up(waiter.thread)
      end
    end
  end
end

--- Calls functions side by side.
-- @tparam {function,...} functions
-- @raise what one of them raised; the others are given up
function _M.gather(functions)
  local group = { left = #functions }
  local ok, message = pcall(gather, functions, group)
  local failed = group.failed or not ok and { message = message }
  if failed then
    give_up(group)
    error(failed.message, 0)
  end
end

return _M
