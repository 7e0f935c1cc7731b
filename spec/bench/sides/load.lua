-- SPDX-License-Identifier: MIT
--- Inside nginx: keeps a number of calls in flight and says what they cost.
local balance = require "balance"
local core = require "balance.core"

local upstream_delay = 0.1 -- seconds, in the sandbox

local _M = {}

require "bench.sides.slow"(upstream_delay * 1000)

local clients = {}

function clients.balance()
  local result, err = balance.slow { endpoint = os.getenv "SANDBOX_HTTP1" }
  return result or error(tostring(err))
end

function clients.resty()
  -- without a resolver it takes no name
  local endpoint = os.getenv("SANDBOX_HTTP1"):gsub("localhost", "127.0.0.1")
  local answer = assert(require("resty.http").new():request_uri(
    endpoint .. "/api/v2/credits", {
      ssl_server_name = "localhost",
      headers = {
        Authorization = "Bearer " .. os.getenv "UDIO_API_KEY",
        ["X-Sandbox-Delay"] = tostring(upstream_delay * 1000),
      },
      keepalive_pool = 100,
      ssl_verify = true,
    }))
  assert(answer.status == 200)
  return require("cjson").decode(answer.body)
end

function _M.run()
  local call = clients[ngx.var.arg_client]
  local count, seconds = tonumber(ngx.var.arg_calls),
    tonumber(ngx.var.arg_seconds)
  local added, threads = {}, {}
  local finish = core.now() + seconds
  local cpu = os.clock()
  for i = 1, count do
    threads[i] = ngx.thread.spawn(function()
      while core.now() < finish do
        local begin = core.now()
        call()
        added[#added + 1] = core.now() - begin - upstream_delay
      end
    end)
  end
  for _, thread in ipairs(threads) do
    assert(ngx.thread.wait(thread))
  end
  cpu = os.clock() - cpu
  table.sort(added)
  ngx.say(("%.3f %.3f %d %.1f"):format(
    added[math.ceil(#added / 2)] * 1e3, added[math.ceil(#added * 0.99)] * 1e3,
    #added, cpu / #added * 1e6))
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
