-- SPDX-License-Identifier: MIT
--- How a call waits in a plain script: it does, and nothing else goes on but
-- the calls of the same `gather`.
-- @module balance.loop.blocking

local core = require "balance.core"

local _M = {}

-- The coroutines of a gather that wait: what resumes them, by the id of a
-- transfer, or with the time they sleep until. A gather inside another shares
-- them, and so wakes the outer one's too.
local waiting, sleeping = {}, {}
local gathered = setmetatable({}, { __mode = "k" })

local function is_gathered()
  local running = coroutine.running()
  return running and gathered[running]
end

--- Waits until a transfer is done. Between two waits Lua runs, and with it
-- the handler of a Ctrl-C.
-- @tparam userdata transfer
-- @treturn boolean true; or nil, a kind and a message
function _M.wait(transfer)
  local transport = core.transport()
  while not transfer:done() do
    if is_gathered() then
      coroutine.yield(transfer)
    else
      local ok, kind, message = transport:wait()
      if not ok then
        return nil, kind, message
      end
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
      core.sleep(wake - core.now())
    end
  end
end

-- Runs a function in a coroutine; `ended` is called after its end. `mine` gets
-- what resumes it.
local function start(body, ended, mine)
  local thread = coroutine.create(body)
  gathered[thread] = true
  local function resume()
    local ok, awaited = coroutine.resume(thread)
    if not ok then
      error(awaited, 0)
    elseif coroutine.status(thread) == "dead" then
      ended()
    elseif type(awaited) == "number" then
      sleeping[resume] = awaited
    else
      waiting[awaited:id()] = resume
    end
  end
  mine[resume] = true
  resume()
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
    local resume = waiting[id]
    waiting[id] = nil
    if resume then
      resume()
    end
  end
end

-- After a close there is nothing that would finish.
local function wake_all()
  local all = waiting
  waiting = {}
  for _, resume in pairs(all) do
    resume()
  end
end

local function wake_sleepers()
  local now, due = core.now(), {}
  for resume, wake in pairs(sleeping) do
    if wake <= now then
      due[#due + 1] = resume
    end
  end
  for _, resume in ipairs(due) do
    sleeping[resume] = nil
    resume()
  end
end

local function gather(functions, mine)
  local transport, left = core.transport(), #functions
  for _, body in ipairs(functions) do
    start(body, function() left = left - 1 end, mine)
  end
  while left > 0 do
    local seconds = seconds_to_sleep()
    if transport:timeout() then
      assert(transport:wait(seconds))
      wake_finished(transport)
    elseif next(waiting) then
      wake_all()
    elseif seconds then
      core.sleep(seconds)
    end
    wake_sleepers()
  end
end

--- Calls functions side by side.
-- @tparam {function,...} functions
-- @raise what one of them raised; the others are given up
function _M.gather(functions)
  local mine = {}
  local ok, message = pcall(gather, functions, mine)
  if not ok then
    for id, resume in pairs(waiting) do
      waiting[id] = not mine[resume] and resume or nil
    end
    for resume in pairs(mine) do
      sleeping[resume] = nil
    end
    error(message, 0)
  end
end

return _M
