-- SPDX-License-Identifier: MIT
--- Calls side by side inside nginx, each in a coroutine. Light threads will
-- not do: ngx_lua loses track of those whose parent is killed.
--
-- A coroutine of a gather waits by a yield, of a transfer or of the time until
-- which it sleeps; the gather resumes it. A gather inside another one yields
-- to that in the same way.
-- @module balance.loop.nginx_gather

local core = require "balance.core"
local flight = require "balance.flight"
local ticker = require "balance.loop.nginx_ticker"

local _M = {}

-- After so many functions have begun, nginx serves others.
local starts_per_turn = 16

local waiters = setmetatable({}, { __mode = "k" }) -- a gather's, by coroutine

--- Whether the running coroutine is one of a gather, and waits by a yield.
-- @treturn boolean
function _M.is_gathered()
  return waiters[coroutine.running()] ~= nil
end

-- No coroutine of this gather is resumed any more.
local function give_up(gather)
  for transfer, thread in pairs(gather.waiting) do
    ticker.unregister(transfer)
    transfer:close()
    flight.give_up(thread)
  end
  for thread in pairs(gather.sleeping) do
    flight.give_up(thread)
  end
end

local function resume(gather, thread, ...)
  local ok, awaited = coroutine.resume(thread, ...)
  if not ok then
    give_up(gather)
    error(awaited, 0)
  elseif coroutine.status(thread) == "dead" then
    return
  elseif type(awaited) == "number" then
    gather.sleeping[thread] = awaited
  else
    gather.waiting[awaited] = thread
    ticker.register(gather.waiter, awaited)
  end
end

local function start(gather, functions)
  for i, body in ipairs(functions) do
    local thread = coroutine.create(body)
    waiters[thread] = gather.waiter
    resume(gather, thread)
    if i % starts_per_turn == 0 and i < #functions then
      ticker.sleep_until(gather.waiter, core.now())
    end
  end
end

-- Resumes those whose transfers are done, with what their wait returns. A
-- waiter may be notified of a transfer that is not done.
local function resume_notified(gather, ok, ...)
  local done = gather.waiter.done
  gather.waiter.done = {}
  for _, transfer in ipairs(done) do
    if ok and not transfer:done() then
      ticker.register(gather.waiter, transfer)
    else
      local thread = gather.waiting[transfer]
      gather.waiting[transfer] = nil
      resume(gather, thread, ok, ...)
    end
  end
end

local function resume_rested(gather)
  local now, rested = core.now(), {}
  for thread, wake_at in pairs(gather.sleeping) do
    rested[#rested + 1] = wake_at <= now and thread or nil
  end
  for _, thread in ipairs(rested) do
    gather.sleeping[thread] = nil
    resume(gather, thread)
  end
end

local function next_wake(gather)
  local first
  for _, wake_at in pairs(gather.sleeping) do
    first = math.min(first or wake_at, wake_at)
  end
  return first
end

--- Calls functions side by side.
-- @tparam {function,...} functions
-- @raise what one of them raised; the others are given up
function _M.run(functions)
  local gather = {
    waiter = ticker.new_waiter(waiters[coroutine.running()]),
    waiting = {}, -- coroutines by their transfers
    sleeping = {}, -- until when, by coroutine
  }
  start(gather, functions)
  while next(gather.waiting) or next(gather.sleeping) do
    local due = next_wake(gather)
    if next(gather.waiting) then
      local ok, kind, message, hint = ticker.wait(gather.waiter, due)
      if not ok then
        ticker.notify_all() -- each waiting coroutine returns the failure
      end
      resume_notified(gather, ok, kind, message, hint)
    else
      ticker.sleep_until(gather.waiter, due)
    end
    resume_rested(gather)
  end
end

return _M
