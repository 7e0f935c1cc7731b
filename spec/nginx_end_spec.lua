-- SPDX-License-Identifier: MIT
--
-- Calls inside nginx whose request or thread ends first, and calls of a worker
-- that is told to quit.
local nginx = require "support.nginx"
local process = require "support.process"

local state = "ngx.print(worker.state())"
local slow = [[
  ngx.print(worker.word(worker.call_slow(tonumber(ngx.var.arg_ms))))
]]

-- Ten calls one after the other succeed, over one kept connection.
local pool = [[
  local first = worker.fetch():header("x-sandbox-connection")
  for _ = 1, 10 do
    assert(balance.udio())
    assert(worker.fetch():header("x-sandbox-connection") == first)
  end
  ngx.print("usable")
]]

local function descriptors(pid)
  return (process.run("ls /proc/" .. pid .. "/fd | wc -l"))
end

for how, has_waker in pairs { woken = true, ticking = false } do
describe("a call inside nginx is cancelled, " .. how .. " #nginx", function()
  before_each(function() nginx.has_waker = has_waker end)
  after_each(nginx.finish)

  -- A server with one worker, and locations to check it with.
  local function start(locations)
    locations["= /slow"] = slow
    locations["= /state"] = state
    locations["= /pool"] = pool
    return nginx.start {
      workers = 1,
      http = "lua_check_client_abort on;",
      locations = locations,
    }
  end

  local function assert_clean(server)
    server:await("/state", "idle")
    assert.equal("usable", (server:get "/pool"))
    server:await("/state", "idle")
  end

  it("when its client goes away", function()
    local server = start {}
    for _ = 1, 3 do
      local requests = {}
      for i = 1, 10 do
        requests[i] = server:open "/slow?ms=20000"
      end
      server:await("/state", "under way, 10 waiting, 1 timers")
      for i = 1, 10 do
        requests[i].close()
      end
      assert_clean(server)
    end
  end)

  it("and no other, when one of many clients goes away", function()
    local server = start {}
    local gone, stays = {}, {}
    for i = 1, 10 do
      gone[i] = server:open "/slow?ms=20000"
      stays[i] = server:open "/slow?ms=1200"
    end
    server:await("/state", "under way, 20 waiting, 1 timers")
    for i = 1, 10 do
      gone[i].close()
    end
    server:await("/state", "under way, 10 waiting, 1 timers")
    for i = 1, 10 do
      assert.equal("195", (stays[i].read()))
    end
    assert_clean(server)
  end)

  it("when a sibling thread ends the request", function()
    local server = start {
      ["= /exit"] = [[
        ngx.thread.spawn(function() worker.call_slow(20000) end)
        ngx.thread.spawn(function() balance.all {
          one = { provider = worker.slow(20000), timeout = 60 },
          two = { provider = worker.slow(20000), timeout = 60 },
        } end)
        ngx.sleep(0.02)
        ngx.exit(tonumber(ngx.var.arg_status))
      ]],
    }
    for _, status in ipairs { 200, 204, 403, 499, 500 } do
      server:get("/exit?status=" .. status)
      assert_clean(server)
    end
  end)

  it("when its thread is killed, at whatever moment", function()
    local server = start {
      ["= /kill"] = [[
        local waits = { 0, 0.001, 0.002, 0.003, 0.004, 0.006, 0.008, 0.012 }
        for i = 1, 200 do
          local thread = ngx.thread.spawn(function()
            if i % 4 == 0 then -- balance.all leaves no threads either
              balance.all {
                udio = {},
                slow = { provider = worker.slow(20000), timeout = 60 },
              }
            end
            worker.call_slow(i % 3 == 0 and 20000 or i % 7)
          end)
          local pause = waits[i % #waits + 1]
          if pause > 0 then
            ngx.sleep(pause)
          end
          ngx.thread.kill(thread)
        end
        ngx.print("killed")
      ]],
      ["= /memory"] = [[
        collectgarbage()
        collectgarbage()
        ngx.print(collectgarbage("count"))
      ]],
    }
    local worker = server:get_workers()[1]
    for _ = 1, 2 do -- after which all connections that are kept are there
      assert.equal("killed", (server:get "/kill"))
      assert_clean(server)
    end
    local memory, open = server:get "/memory", descriptors(worker)
    for _ = 1, 2 do
      assert.equal("killed", (server:get "/kill"))
      assert_clean(server)
    end
    assert.is_true(server:get "/memory" - memory < 100) -- KiB
    assert.is_true(descriptors(worker) - open < 50) -- kept connections
  end)

  it("when its thread is killed in a gather inside a gather", function()
    local server = start {
      ["= /kill"] = [[
        local loop = require "balance.loop.nginx"
        local function call() worker.call_slow(20000) end
        local function nest() loop.gather { call, call } end
        local under_way = 0
        for _, functions in ipairs { { nest }, { nest, call } } do
          local thread = ngx.thread.spawn(loop.gather, functions)
          under_way = math.max(under_way, worker.waiting())
          ngx.sleep(0.02)
          ngx.thread.kill(thread)
        end
        ngx.print(under_way >= 3 and "killed" or under_way)
      ]],
    }
    assert.equal("killed", (server:get "/kill"))
    assert_clean(server)
  end)

  it("when the request ends without waiting for its threads", function()
    local server = start {
      ["= /return"] = [[
        ngx.thread.spawn(function() worker.call_slow(20000) end)
        ngx.thread.spawn(function()
          ngx.sleep(0.01)
          ngx.exit(200)
        end)
        ngx.print("done")
      ]],
      ["= /redirect"] = [[
        local thread = ngx.thread.spawn(function()
          worker.call_slow(20000)
        end)
        ngx.sleep(0.01)
        ngx.thread.kill(thread)
        ngx.exec("/unrelated")
      ]],
      ["= /subrequest"] = [[
        ngx.thread.spawn(function()
          ngx.sleep(0.02)
          ngx.exit(499)
        end)
        ngx.location.capture("/slow?ms=20000")
      ]],
    }
    for _ = 1, 5 do
      server:get "/return"
      assert.equal("here", (server:get "/redirect"))
    end
    assert_clean(server)
    local gone = server:open "/subrequest"
    server:await("/state", "under way, 1 waiting, 1 timers")
    gone.close()
    assert_clean(server)
  end)

  it("when its thread is killed in a worker that has no timer", function()
    local server = nginx.start {
      workers = 1,
      http = "lua_max_pending_timers 1;\n"
        .. nginx.lua("init_worker_by_lua_block",
          "assert(ngx.timer.at(3600, function() end))"),
      locations = {
        ["= /kill"] = [[
          local thread = ngx.thread.spawn(function()
            worker.call_slow(20000)
          end)
          ngx.sleep(0.02)
          ngx.thread.kill(thread)
          worker.call_slow(400) -- without a ticker, a waiting call sweeps
          ngx.print(worker.state())
        ]],
      },
    }
    assert.equal("done, 0 waiting, 1 timers", (server:get "/kill"))
  end)
end)
end

for how, has_waker in pairs { woken = true, ticking = false } do
describe("a worker of nginx that is to end, " .. how .. " #nginx", function()
  before_each(function() nginx.has_waker = has_waker end)
  after_each(nginx.finish)

  -- Requests that are under way when the signal comes; those of /late make
  -- their calls after it.
  -- Long enough for a busy machine to have opened them all.
  local locations = {
    ["= /slow"] = slow,
    ["= /late"] = [[
      ngx.sleep(2)
      local first = worker.word(worker.call_slow(100))
      local results = balance.all { udio = {}, tempolor = {} }
      ngx.print(first, " ", worker.word(results.udio))
    ]],
    ["= /timeout"] = [[
      ngx.print(worker.word(worker.call_slow(20000, { timeout = 4.5 })))
    ]],
    ["= /timer"] = [[
      ngx.timer.at(0, function()
        local first = worker.word(worker.call_slow(4000))
        ngx.log(ngx.NOTICE, "the timer got ", first, " and ",
          worker.word(balance.udio()))
      end)
    ]],
    ["= /state"] = state,
  }

  local function open_all(server)
    local requests = {}
    for i = 1, 10 do
      requests[i] = { expected = "195", server:open "/slow?ms=4000" }
      requests[10 + i] = { expected = "195 195", server:open "/late" }
      requests[20 + i] = { expected = "timeout", server:open "/timeout" }
    end
    server:get "/timer"
    return requests
  end

  local function read_all(requests)
    for i, request in ipairs(requests) do
      assert.equal(request.expected, (request[1].read()), i)
    end
  end

  it("answers every call first: nginx -s quit", function()
    local server = nginx.start { workers = 1, locations = locations }
    local requests = open_all(server)
    server:await("/state", "under way, 21 waiting, 2 timers")
    server:signal "QUIT"
    read_all(requests)
    server:await_end(server.pid)
    assert.matches("the timer got 195 and 195", server:log())
  end)

  it("answers every call first: nginx -s reload", function()
    local server = nginx.start {
      workers = 1, locations = locations,
      http = nginx.lua("init_by_lua_block", "assert(balance.udio())"),
    }
    local old = server:get_workers()[1]
    local requests = open_all(server)
    server:await("/state", "under way, 21 waiting, 2 timers")
    server:signal "HUP"
    nginx.await("a new worker", function()
      return server:get "/pid" ~= old
    end)
    for _, request in ipairs(open_all(server)) do
      requests[#requests + 1] = request
    end
    read_all(requests)
    server:await_end(old)
    nginx.await("the timers", function()
      local _, count = server:log():gsub("the timer got 195 and 195", "")
      return count == 2
    end)
  end)

  it("loses no call when nginx is reloaded again and again", function()
    local server = nginx.start {
      locations = { ["= /slow"] = slow },
      http = nginx.lua("init_by_lua_block", "assert(balance.udio())"),
    }
    local requests, old = {}, server:get_workers()
    for round = 1, 5 do
      for i = 1, 10 do
        requests[#requests + 1] = server:open("/slow?ms=" .. i * 10 * round)
      end
      server:signal "HUP"
    end
    for _, request in ipairs(requests) do
      assert.equal("195", (request.read()))
    end
    for _, pid in ipairs(old) do
      server:await_end(pid)
    end
    assert.equal(2, #server:get_workers())
  end)

  it("ends at once when it is idle after calls", function()
    local server = nginx.start {
      locations = {
        ["= /slow"] = slow,
        ["= /many"] = [[
          assert(next(select(2, balance.all {
            udio = {}, tempolor = {}, slow = { provider = worker.slow(100) },
          })) == nil)
          ngx.print("done")
        ]],
      },
    }
    for _, body in ipairs(server:get_many(10, "/many")) do
      assert.equal("done", body)
    end
    local workers = server:get_workers()
    server:signal "QUIT"
    for _, pid in ipairs(workers) do
      server:await_end(pid)
    end
  end)

  it("may be told not to wait: nginx -s stop", function()
    local server = nginx.start { workers = 1, locations = locations }
    open_all(server)
    server:await("/state", "under way, 21 waiting, 2 timers")
    server:signal "TERM"
    server:await_end(server.pid)
  end)
end)
end
