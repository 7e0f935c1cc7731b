-- SPDX-License-Identifier: MIT
--- When a monitor looks whose turn it is.
-- @module balance.monitor.turns

local loops = require "balance.loop"

local _M = {}

-- Seconds from one look to the next. The turn is free an interval after it was
-- taken, and whoever looks first takes it.
local function period_of(monitor)
  return math.min(monitor.every / 4, 15)
end

-- In nginx, in a timer. A round may take longer than a period. A look that
-- raised has to leave its mark behind, too.
local function look(monitor, after)
  if monitor.is_looking then
    return
  end
  monitor.is_looking = true
  local ok, problem = pcall(function()
    monitor:look()
    if after and after(monitor) == false then
      monitor.has_ended = true
    end
  end)
  monitor.is_looking = false
  if not ok then
    error(problem, 0)
  end
end

-- nginx itself begins the next look: one that could not be made, for lack of
-- timers, is not the last.
local function run_in_nginx(ngx, monitor, after)
  local function tick(worker_ends)
    if not worker_ends and not monitor.has_ended then
      look(monitor, after)
    end
  end
  local ok, problem = ngx.timer.every(period_of(monitor), tick)
  if ok then
    ok, problem = ngx.timer.at(0, tick)
  end
  if not ok then
    return nil, problem
  end
  return true
end

--- What is wrong with running a monitor here.
-- @treturn ?string nil where nothing is
function _M.mistake()
  local ngx = loops.nginx()
  if ngx and ngx.get_phase() == "init" then
    return "nginx has no timers yet: call it in init_worker_by_lua"
  end
end

--- Runs a monitor.
-- @tparam table monitor
-- @tparam ?function after
-- @treturn ?boolean as of `balance.monitor`
-- @treturn ?string
function _M.run(monitor, after)
  local ngx = loops.nginx()
  if ngx then
    return run_in_nginx(ngx, monitor, after)
  end
  while true do
    monitor:look()
    if after and after(monitor) == false then
      return true
    end
    monitor.sleep(period_of(monitor))
  end
end

return _M
