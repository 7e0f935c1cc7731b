-- SPDX-License-Identifier: MIT
--- Inside nginx: keeps a number of calls in flight and says what they cost.
local balance = require "balance"
local core = require "balance.core"
local variant = require "support.variant"

local _M = {}

-- Each makes one call, whose answer takes so many milliseconds in the sandbox.
local clients = {}

function clients.balance(delay)
  local name = "slow" .. delay
  if not balance[name] then
    variant.register("udio", function(request)
      request.headers["X-Sandbox-Delay"] = tostring(delay)
    end, { name = name })
  end
  local result, err = balance[name] { endpoint = os.getenv "SANDBOX_HTTP1" }
  return result or error(tostring(err))
end

function clients.resty(delay)
  -- without a resolver it takes no name
  local endpoint = os.getenv("SANDBOX_HTTP1"):gsub("localhost", "127.0.0.1")
  local answer = assert(require("resty.http").new():request_uri(
    endpoint .. "/api/v2/credits", {
      ssl_server_name = "localhost",
      headers = {
        Authorization = "Bearer " .. os.getenv "UDIO_API_KEY",
        ["X-Sandbox-Delay"] = tostring(delay),
      },
      keepalive_pool = 100,
      ssl_verify = true,
    }))
  assert(answer.status == 200)
  return require("cjson").decode(answer.body)
end

-- How often this worker has slept.
local function sleeps()
  local file = assert(io.open "/proc/self/status")
  local count = file:read("*a"):match "\nvoluntary_ctxt_switches:%s+(%d+)"
  file:close()
  return tonumber(count)
end

-- Median and p99 of the milliseconds that a call took beyond the sandbox's, how
-- many there were, microseconds of CPU and the worker's sleeps of each.
function _M.run()
  local call = clients[ngx.var.arg_client]
  local count, seconds = tonumber(ngx.var.arg_calls),
    tonumber(ngx.var.arg_seconds)
  local delay = tonumber(ngx.var.arg_delay)
  local added, threads = {}, {}
  local finish = core.now() + seconds
  local cpu, slept = os.clock(), sleeps()
  for i = 1, count do
    threads[i] = ngx.thread.spawn(function()
      repeat
        local begin = core.now()
        call(delay)
        added[#added + 1] = core.now() - begin - delay / 1e3
      until core.now() >= finish
    end)
  end
  for _, thread in ipairs(threads) do
    assert(ngx.thread.wait(thread))
  end
  cpu, slept = os.clock() - cpu, sleeps() - slept
  table.sort(added)
  ngx.say(("%.3f %.3f %d %.1f %.3f"):format(
    added[math.ceil(#added / 2)] * 1e3, added[math.ceil(#added * 0.99)] * 1e3,
    #added, cpu / #added * 1e6, slept / #added))
end

-- The longest pause between two beats of a timer of 1 ms, around a call.
function _M.first()
  local longest, last, done = 0, core.now(), false
  local function beat()
    longest = math.max(longest, core.now() - last)
    last = core.now()
  end
  local timer
  timer = function()
    beat()
    if not done then
      ngx.timer.at(0.001, timer)
    end
  end
  ngx.timer.at(0.001, timer)
  ngx.sleep(0.1)
  local before = longest
  longest = 0
  local _, err = balance.udio {
    endpoint = os.getenv "SANDBOX_HTTP1", ca_path = "/etc/ssl/certs",
  }
  ngx.sleep(0.05)
  done = true
  -- the sandbox's CA is not in the system's store: tls is what is expected
  ngx.say(("%.2f %.2f %s"):format(before * 1e3, longest * 1e3,
    err and err.kind or "answer"))
end

function _M.stall()
  local threads = {}
  for i = 1, 10 do
    threads[i] = ngx.thread.spawn(function()
      local _, err = balance.udio { timeout = 5,
        endpoint = ("https://host%d.invalid"):format(i) }
      return err.kind
    end)
  end
  local kinds = {}
  for i, thread in ipairs(threads) do
    local _, kind = ngx.thread.wait(thread)
    kinds[i] = kind
  end
  ngx.say(table.concat(kinds, " "))
end

return _M
