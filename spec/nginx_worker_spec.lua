-- SPDX-License-Identifier: MIT
--
-- A worker of nginx while calls are under way.
local core = require "balance.core"
local nginx = require "support.nginx"
local process = require "support.process"

local state = "ngx.print(worker.state())"

local function slow(ms, options)
  return ("ngx.print(worker.word(worker.call_slow(%d, %s)))"):format(
    ms, options or "nil")
end

describe("a worker of nginx without a waker #nginx", function()
  before_each(function() nginx.has_waker = false end)
  after_each(nginx.finish)

  it("looks less often the longer nothing comes, and soon for a new call",
    function()
      local server = nginx.start {
        workers = 1,
        http = "lua_check_client_abort on;",
        locations = {
          ["= /slow"] = slow(20000),
          ["= /watch"] = [[
            worker.sleep, worker.least, worker.most = ngx.sleep, 1, 0
            function ngx.sleep(seconds)
              worker.least = math.min(worker.least, seconds)
              worker.most = math.max(worker.most, seconds)
              worker.sleep(seconds)
            end
          ]],
          ["= /pauses"] = [[ngx.print(worker.least, " to ", worker.most)]],
          ["= /new"] = [[
            local before = worker.quiet()
            ngx.thread.spawn(worker.call_slow, 0) -- runs until it waits
            ngx.print(before > 0.2 and "long" or before, " ", worker.quiet())
          ]],
          ["= /quiet"] = [[
            ngx.print(worker.quiet() > 0.2 and "long" or "not yet")
          ]],
          ["= /state"] = state,
        },
      }
      server:get "/watch"
      local request = server:open "/slow"
      server:await("/quiet", "long")
      assert.equal("long 0", (server:get "/new"))
      server:await("/pauses", "0.001 to 0.004")
      request.close()
      server:await("/state", "idle")
    end)
end)

for how, has_waker in pairs { woken = true, ticking = false } do
describe("a worker of nginx, " .. how .. " #nginx", function()
  before_each(function() nginx.has_waker = has_waker end)
  after_each(nginx.finish)

  it("serves everyone else while 50 calls are under way, with one ticker",
    function()
      local server = nginx.start {
        workers = 1,
        locations = { ["= /slow"] = slow(5000), ["= /state"] = state },
      }
      assert.equal("idle", (server:get "/state"))
      local requests = {}
      for i = 1, 50 do
        requests[i] = server:open "/slow"
      end
      server:await("/state", "under way, 50 waiting, 1 timers")
      for _ = 1, 100 do
        assert.equal("here", (server:get "/unrelated"))
      end
      assert.equal("under way, 50 waiting, 1 timers", (server:get "/state"))
      for i = 1, 50 do
        assert.equal("195", (requests[i].read()))
      end
      server:await("/state", "idle")
    end)

  it("has no timer when nothing is under way, and one again for the next",
    function()
      local server = nginx.start {
        workers = 1,
        locations = { ["= /call"] = slow(0), ["= /state"] = state },
      }
      for _ = 1, 20 do
        assert.equal("195", (server:get "/call"))
        server:await("/state", "idle")
      end
    end)

  -- Counts the requests that are served in each 100 ms: none means that the
  -- worker stood still.
  it("is not held up by a resolver that stalls", function()
    local server = nginx.start {
      workers = 1,
      setting = "LD_PRELOAD=" .. process.build .. "/spec/resolver.so",
      http = "lua_check_client_abort on;",
      locations = {
        ["= /stalled"] = [[
          local timeout = tonumber(ngx.var.arg_timeout)
          ngx.print(worker.word(balance.udio {
            endpoint = "https://somebody.invalid", timeout = timeout,
          }))
        ]],
        ["= /state"] = state,
      },
    }
    local long = server:open "/stalled?timeout=3.8"
    local short = server:open "/stalled?timeout=0.5"
    local gone = server:open "/stalled?timeout=10"
    server:await("/state", "under way, 3 waiting, 1 timers")
    gone.close()
    local slices, began = {}, core.now()
    for i = 1, 38 do
      slices[i] = 0
    end
    while core.now() - began < 3.8 do
      assert.equal("here", (server:get "/unrelated"))
      local slice = math.floor((core.now() - began) * 10) + 1
      slices[slice] = (slices[slice] or 0) + 1
    end
    for i = 1, 38 do
      assert.is_true(slices[i] > 0, i .. ": " .. table.concat(slices, " "))
    end
    assert.equal("timeout", (short.read()))
    assert.equal("timeout", (long.read()))
    server:await("/state", "idle")
    server:signal "TERM" -- while the resolver's threads run
  end)

  -- nginx does not wait at all for less than a millisecond.
  it("looks at the clock now and then until a sleep beside a call is over",
    function()
      local server = nginx.start {
        workers = 1,
        locations = {
          ["= /sleep"] = [[
            local loop, looks = require "balance.loop.nginx", 0
            local now, over = core.now, false
            function core.now()
              looks = looks + 1
              return now()
            end
            local function sleep()
              repeat
                loop.sleep(0.0045)
              until over
            end
            loop.gather { sleep, sleep, function()
              assert(worker.call_slow(300))
              over = true
            end }
            loop.gather { sleep }
            core.now = now
            ngx.print(looks < 20000 and "rested" or looks)
          ]],
        },
      }
      assert.equal("rested", (server:get "/sleep"))
    end)

  -- A semaphore that is posted when a wait for it times out stays posted.
  it("keeps its ticker where a call is woken for nothing", function()
    local server = nginx.start {
      workers = 1,
      locations = {
        ["= /slow"] = slow(1500),
        ["= /wake"] = [[
          local ticker, waiting = require "balance.loop.nginx_ticker", nil
          for i = 1, 60 do
            local name, value = debug.getupvalue(ticker.register, i)
            waiting = name == "waiting" and value or waiting
          end
          local _, entry = next(waiting)
          entry.waiter.semaphore:post(2)
          ngx.sleep(0.05)
          ngx.print(worker.state())
        ]],
        ["= /state"] = state,
      },
    }
    local request = server:open "/slow"
    server:await("/state", "under way, 1 waiting, 1 timers")
    for _ = 1, 3 do
      assert.equal("under way, 1 waiting, 1 timers", (server:get "/wake"))
    end
    assert.equal("195", (request.read()))
  end)

  it("goes on where nginx has no timer left", function()
    local server = nginx.start {
      workers = 1,
      http = [[
        lua_max_pending_timers 1;
      ]] .. nginx.lua("init_worker_by_lua_block",
        "assert(ngx.timer.at(3600, function() end))"),
      locations = { ["= /slow"] = slow(50), ["= /state"] = state },
    }
    for _ = 1, 2 do
      for _, body in ipairs(server:get_many(20, "/slow")) do
        assert.equal("195", body)
      end
      server:await("/state", "done, 0 waiting, 1 timers")
    end
  end)

  it("goes on where nginx may run no other timer", function()
    local server = nginx.start {
      workers = 1,
      http = "lua_max_running_timers 1;",
      locations = {
        ["= /start"] = [[
          ngx.timer.at(0, function()
            worker.note("first", worker.word(balance.udio()))
            local _, err = worker.call_slow(20000, { timeout = 0.3 })
            worker.note("second", worker.word(nil, err))
            while not ngx.shared.notes:get("stop") do
              ngx.sleep(0.01)
            end
          end)
        ]],
        ["= /slow"] = slow(50),
        ["= /stop"] = "ngx.shared.notes:set('stop', 'yes')",
        ["= /state"] = state,
      },
    }
    server:expect "lua_max_running_timers are not enough"
    server:get "/start"
    assert.equal("195", server:await_note "first")
    assert.equal("timeout", server:await_note "second")
    for _, body in ipairs(server:get_many(20, "/slow")) do
      assert.equal("195", body)
    end
    server:get "/stop"
    server:await("/state", "idle")
    assert.equal("195", (server:get "/slow"))
  end)

  it("leaves nobody behind when a step goes wrong", function()
    local server = nginx.start {
      workers = 1,
      locations = {
        ["= /slow"] = slow(4000),
        ["= /waiting"] = "ngx.print(worker.waiting())",
        ["= /break"] = [[
          local methods = debug.getmetatable(core.transport()).__index
          local how = ngx.var.arg_how
          worker.step = worker.step or methods.step
          function methods.step(transport)
            if how == "fails" then
              return nil, "network", "planted failure"
            elseif how == "raises" and ngx.get_phase() == "timer" then
              how = "works"
              error("planted")
            end
            return worker.step(transport)
          end
          ngx.print(how)
        ]],
        ["= /state"] = state,
      },
    }
    server:expect "planted"
    local requests = {}
    for i = 1, 10 do
      requests[i] = server:open "/slow"
    end
    server:await("/waiting", "10")
    assert.equal("raises", (server:get "/break?how=raises"))
    for i = 1, 10 do
      assert.equal("195", (requests[i].read()))
    end
    server:await("/state", "idle")

    for i = 1, 10 do
      requests[i] = server:open "/slow"
    end
    server:await("/waiting", "10")
    assert.equal("fails", (server:get "/break?how=fails"))
    for i = 1, 10 do
      assert.equal("network", (requests[i].read()))
    end
    server:await("/state", "idle")
    assert.equal("works", (server:get "/break?how=works"))
    assert.equal("195", (server:get "/slow"))
  end)

  it("ends every call when its transport is closed, and takes new ones",
    function()
      local server = nginx.start {
        workers = 1,
        locations = {
          ["= /slow"] = slow(20000),
          ["= /call"] = slow(50),
          ["= /close"] = [[
            core.transport():close()
            local threads, said = {}, {}
            for i = 1, 20 do
              threads[i] = ngx.thread.spawn(function()
                return worker.word(worker.call_slow(20000))
              end)
            end
            core.transport():close() -- a second time
            for i = 1, 20 do
              said[i] = select(2, ngx.thread.wait(threads[i]))
            end
            threads = {}
            for i = 1, 20 do
              threads[i] = ngx.thread.spawn(function()
                return worker.word(worker.call_slow(50))
              end)
            end
            for i = 1, 20 do
              said[20 + i] = select(2, ngx.thread.wait(threads[i]))
            end
            ngx.print(table.concat(said, " "))
          ]],
          ["= /state"] = state,
        },
      }
      for _ = 1, 3 do
        local requests = {}
        for i = 1, 10 do
          requests[i] = server:open "/slow"
        end
        server:await("/state", "under way, 10 waiting, 1 timers")
        assert.equal(("closed "):rep(20) .. ("195 "):rep(20),
          (server:get "/close") .. " ")
        for i = 1, 10 do
          assert.equal("closed", (requests[i].read()))
        end
        server:await("/state", "idle")
      end
    end)

  it("ends a call of a closed transport while others go on", function()
    local server = nginx.start {
      workers = 1,
      locations = {
        ["= /slow"] = slow(20000),
        ["= /again"] = "core.transport():close()\n" .. slow(2000),
        ["= /state"] = state,
      },
    }
    local first = server:open "/slow"
    server:await("/state", "under way, 1 waiting, 1 timers")
    local second = server:open "/again"
    assert.equal("closed", (first.read()))
    assert.equal("under way, 1 waiting, 1 timers", (server:get "/state"))
    assert.equal("195", (second.read()))
  end)

  it("works with lua_code_cache off", function()
    local server = nginx.start {
      http = "lua_code_cache off; lua_check_client_abort on;\n"
        .. nginx.lua("init_by_lua_block", "said = balance.udio().credits"),
      locations = {
        ["= /slow"] = slow(100),
        ["= /gone"] = "worker.note('gone', 'begun')"
          .. slow(20000),
        ["= /said"] = "ngx.print(tostring(said))",
      },
    }
    server:expect "lua_code_cache is off"
    for _ = 1, 2 do
      for _, body in ipairs(server:get_many(10, "/slow")) do
        assert.equal("195", body)
      end
    end
    assert.equal("195", (server:get "/said"))
    local gone = server:open "/gone"
    server:await_note "gone"
    gone.close()
    assert.equal("195", (server:get "/slow"))
  end)
end)
end
