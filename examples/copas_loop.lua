-- SPDX-License-Identifier: MIT
--
-- Calls under the event loop copas: a loop of one's own that waits for a
-- descriptor. It needs copas and a system with epoll, which is Linux. The keys
-- come from the environment:
--
--   export TEMPOLOR_API_KEY=... UDIO_API_KEY=...
--   lua copas_loop.lua
--
-- The file must not be called copas.lua, as Lua would then load it as copas.
local balance = require "balance"
local copas = require "copas"
local core = require "balance.core"

-- Lets other threads run until `done` returns true. copas waits for whatever
-- looks like a socket, by what LuaSocket's select looks at: `getfd` and
-- `dirty`, which is whether there is something to do already.
local function pause_until(done)
  copas.receive {
    getfd = function() return core.transport():fd() end,
    dirty = done,
    receive = function() return done() or nil, "timeout" end,
    close = function() end,
  }
end

local loop = {}

function loop.wait(transfer)
  local ok, kind, message, hint
  pause_until(function()
    ok, kind, message, hint = transfer:transport():step()
    return not ok or transfer:done()
  end)
  return ok and true, kind, message, hint
end

function loop.sleep(seconds)
  local wake = core.now() + seconds
  pause_until(function() return core.now() >= wake end)
end

-- copas ends a thread that raises an error, and goes on.
function loop.gather(functions)
  local left, failed = #functions, nil
  for _, body in ipairs(functions) do
    copas.addthread(function()
      copas.setErrorHandler(function(message)
        failed = failed or { message = message }
      end)
      body()
      left = left - 1
    end)
  end
  pause_until(function() return left == 0 or failed ~= nil end)
  if failed then
    error(failed.message, 0)
  end
end

local client = balance.new { loop = loop }

local main = copas.addthread(function()
  local results, failures = client:all { tempolor = {}, udio = {} }
  for _, name in ipairs { "tempolor", "udio" } do
    local result = results[name]
    print(name, result and result.available or tostring(failures[name]))
  end
end)
while coroutine.status(main) ~= "dead" do
  copas.step(0.05)                      -- so often it looks at time limits
end
