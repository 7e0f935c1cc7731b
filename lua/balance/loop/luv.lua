-- SPDX-License-Identifier: MIT
--- How a call waits under libuv (luv), in a client of
-- `balance.new { loop = "luv" }`: a poll handle on the transport's descriptor
-- resumes its coroutine.
-- @module balance.loop.luv

local core = require "balance.core"
local flight = require "balance.flight"
local uv

local _M = {}

-- The transport is stepped after this time at the latest, as somebody may have
-- closed it. Shorter where there is no descriptor to poll.
local max_pause, max_pause_without_descriptor = 0.25, 0.005 -- seconds

local waiting = {} -- coroutines by the id of a transfer
local groups = setmetatable({}, { __mode = "k" }) -- the gather of a coroutine
local poll, polled_fd, timer -- nil while nothing is under way

local function running()
  local thread, is_main = coroutine.running()
  return not is_main and thread or nil
end

--- Loads luv; raises where it cannot. luv runs its callbacks in the coroutine
-- that loaded it, which must not end.
function _M.load()
  if running() and not package.loaded.luv then
    error("luv has to be loaded outside of coroutines", 0)
  end
  uv = require "luv"
end

local function check_coroutine(level)
  if not running() then
    error("with luv, call from a coroutine", level + 1)
  end
end

--- A call can begin in a coroutine; elsewhere it is a mistake in the program.
-- @raise at the line of the call, which is three levels above this function
-- @treturn boolean true
function _M.ready()
  check_coroutine(4)
  return true
end

local resume

local function wake(group)
  if group.asleep and (group.left == 0 or group.failed) then
    group.asleep = false
    resume(group.thread)
  end
end

-- A coroutine that was closed, or whose gather has failed, is not resumed. The
-- error of a coroutine of a gather is raised by the gather; that of any other
-- one here, in libuv's callback.
function resume(thread, ...)
  local group = groups[thread]
  if coroutine.status(thread) == "dead" or group and group.failed then
    return
  end
  local ok, message = coroutine.resume(thread, ...)
  if not group then
    return ok or error(message, 0)
  elseif not ok then
    group.failed = group.failed or { message = message }
  elseif coroutine.status(thread) == "dead" then
    group.left = group.left - 1
  end
  wake(group)
end

local function stop()
  if poll then
    poll:close()
  end
  if timer then
    timer:close()
  end
  poll, polled_fd, timer = nil, nil, nil
end

local watch

-- The arguments are what their waits return.
local function wake_all(...)
  local all = waiting
  waiting = {}
  for _, thread in pairs(all) do
    resume(thread, ...)
  end
end

local function step()
  local transport = core.transport()
  local ok, kind, message, hint = transport:step()
  for id in transport.finished, transport do
    local thread = waiting[id]
    waiting[id] = nil
    if thread then
      resume(thread, true)
    end
  end
  if not ok then
    wake_all(nil, kind, message, hint)
  elseif not transport:timeout() then
    wake_all(true) -- the transport was closed, which ended all transfers
  end
  watch()
end

-- Keeps the handles while a transfer is under way, and no longer: uv.run
-- returns only once they are closed.
function watch()
  local transport = core.transport()
  local seconds = transport:timeout()
  if not seconds then
    return stop()
  end
  local fd = transport:fd()
  if polled_fd ~= fd then -- the transport was opened anew
    stop()
  end
  timer = timer or uv.new_timer()
  if fd then
    poll, polled_fd = poll or uv.new_poll(fd) or nil, fd
  end
  if poll then
    poll:start("r", step) -- anew: it may be another one with the same number
  end
  seconds = math.min(seconds,
    poll and max_pause or max_pause_without_descriptor)
  timer:start(math.ceil(seconds * 1000), 0, step)
end

--- Waits until a transfer is done. To be called from a coroutine.
-- @tparam userdata transfer
-- @treturn boolean true; or nil, a kind, a message and a hint
function _M.wait(transfer)
  while not transfer:done() do
    waiting[transfer:id()] = running()
    watch()
    local ok, kind, message, hint = coroutine.yield()
    if not ok then
      return nil, kind, message, hint
    end
  end
  return true
end

--- Sleeps. To be called from a coroutine.
-- @tparam number seconds
function _M.sleep(seconds)
  local thread, clock = running(), uv.new_timer()
  uv.update_time() -- else the time counts from libuv's last look at the clock
  clock:start(math.ceil(seconds * 1000), 0, function()
    clock:close()
    resume(thread)
  end)
  coroutine.yield()
end

--- Runs a function in a coroutine of its own.
-- @tparam function body
-- @treturn boolean true
function _M.spawn(body)
  resume(coroutine.create(body))
  return true
end

--- Calls functions side by side, each in a coroutine. To be called from a
-- coroutine.
-- @tparam {function,...} functions
-- @raise what one of them raised; the others are given up. Outside of a
-- coroutine, at the line of `balance.all`, two levels above
function _M.gather(functions)
  check_coroutine(3)
  local group = { thread = running(), left = #functions }
  for _, body in ipairs(functions) do
    local thread = coroutine.create(body)
    groups[thread] = group
    resume(thread)
  end
  while group.left > 0 and not group.failed do
    group.asleep = true
    coroutine.yield()
  end
  if group.failed then
    for id, thread in pairs(waiting) do
      waiting[id] = groups[thread] ~= group and thread or nil
    end
    for thread, its_group in pairs(groups) do
      if its_group == group then
        flight.give_up(thread)
      end
    end
    error(group.failed.message, 0)
  end
end

return _M
