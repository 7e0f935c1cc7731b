-- SPDX-License-Identifier: MIT
--- How a call waits under libuv (luv): its coroutine is resumed by a poll
-- handle on the transport's descriptor. `balance.new { loop = "luv" }`.
-- @module balance.loop.luv

local core = require "balance.core"
local uv = require "luv"

local _M = {}

local waiting = {} -- coroutines by the id of a transfer
local poll, timer, polled -- while anything is under way

local function this_thread()
  local thread, is_main = coroutine.running()
  if not thread or is_main then
    error("with luv, call from a coroutine", 0)
  end
  return thread
end

local function resume(thread)
  local ok, message = coroutine.resume(thread)
  if not ok then
    error(message, 0)
  end
end

local function stop()
  if poll then
    poll:close()
    timer:close()
    poll, timer = nil, nil
  end
end

local watch

local function step()
  local transport = core.transport()
  local ok = transport:step()
  for id in transport.finished, transport do
    local thread = waiting[id]
    waiting[id] = nil
    if thread then
      resume(thread)
    end
  end
  if not ok or not transport:timeout() then
    stop()
    local all = waiting
    waiting = {}
    for _, thread in pairs(all) do -- of a transport that was closed
      resume(thread)
    end
  end
  watch()
end

-- libuv goes on for as long as the handles are there, so they are there only
-- while a transfer is.
function watch()
  local transport = core.transport()
  local seconds = transport:timeout()
  if not seconds then
    return stop()
  end
  local fd = transport:fd()
  if poll and polled ~= fd then -- it was opened anew
    stop()
  end
  if not poll then
    polled = fd
    poll, timer = uv.new_poll(fd), uv.new_timer()
    poll:start("r", step)
  end
  timer:stop()
  timer:start(math.ceil(seconds * 1000), 0, step)
end

--- Waits until a transfer is done. To be called from a coroutine.
-- @tparam userdata transfer
-- @treturn boolean true
function _M.wait(transfer)
  local thread = this_thread()
  while not transfer:done() do
    waiting[transfer:id()] = thread
    watch()
    coroutine.yield()
  end
  return true
end

--- Sleeps. To be called from a coroutine.
-- @tparam number seconds
function _M.sleep(seconds)
  local thread, clock = this_thread(), uv.new_timer()
  clock:start(math.ceil(seconds * 1000), 0, function()
    clock:close()
    resume(thread)
  end)
  coroutine.yield()
end

--- Calls functions side by side, each in a coroutine. To be called from a
-- coroutine.
-- @tparam {function,...} functions
-- @raise what one of them raised at once; later, libuv's callback raises
function _M.gather(functions)
  local thread, left, asleep = this_thread(), #functions, false
  for _, body in ipairs(functions) do
    resume(coroutine.create(function()
      body()
      left = left - 1
      if left == 0 and asleep then
        resume(thread)
      end
    end))
  end
  if left > 0 then
    asleep = true
    coroutine.yield()
  end
end

return _M
