-- SPDX-License-Identifier: MIT
--
-- A worker of nginx is woken by what happens. What it promises with and without
-- a waker is in nginx_worker_spec.lua and nginx_end_spec.lua.
local nginx = require "support.nginx"
local process = require "support.process"

local call = [[
  ngx.print(worker.word(worker.call_slow(tonumber(ngx.var.arg_ms or 0))))
]]

-- Counts the steps of the transport, and tells how many there were.
local count_steps = [[
  local methods = debug.getmetatable(core.transport()).__index
  if not worker.step then
    worker.step, worker.steps = methods.step, 0
    function methods.step(transport)
      worker.steps = worker.steps + 1
      return worker.step(transport)
    end
  end
  ngx.print(worker.steps)
]]

-- The threads, descriptors and sockets of a process.
local function belongings(pid)
  local _, sockets = process.run("ls -l /proc/" .. pid .. "/fd")
    :gsub("socket:", "")
  return process.read("/proc/" .. pid .. "/status"):match "Threads:%s+(%d+)",
    (process.run("ls /proc/" .. pid .. "/fd | wc -l")), sockets
end

local function sleeps(pid)
  return tonumber(process.read("/proc/" .. pid .. "/status")
    :match "\nvoluntary_ctxt_switches:%s+(%d+)")
end

describe("a worker of nginx that is woken #nginx", function()
  after_each(nginx.finish)

  -- Some eight times on a machine that does nothing else; the ticker does 250
  -- steps. The aim of ten is that of `make bench`.
  it("sleeps while nothing happens in a call of a second", function()
    local server = nginx.start {
      workers = 1,
      locations = { ["= /call"] = call, ["= /steps"] = count_steps },
    }
    local pid = server:get_workers()[1]
    server:get "/call" -- there is a connection
    local steps, before = server:get "/steps", sleeps(pid)
    assert.equal("195", (server:get "/call?ms=1000"))
    local slept = sleeps(pid) - before
    assert.is_true(slept <= 50, slept .. " times")
    assert.is_true(server:get "/steps" - steps <= 25)
  end)

  it("leaves nothing behind after many short calls", function()
    local server = nginx.start {
      workers = 1,
      locations = {
        ["= /calls"] = [[
          for _ = 1, 50 do
            assert(balance.udio())
            ngx.sleep(0.04) -- the ticker has ended
          end
          ngx.print "done"
        ]],
        ["= /state"] = "ngx.print(worker.state())",
      },
    }
    local pid = server:get_workers()[1]
    assert.equal("done", (server:get "/calls"))
    server:await("/state", "idle")
    local threads, descriptors, sockets = belongings(pid)
    assert.equal("2", threads)
    assert.equal("done", (server:get "/calls"))
    server:await("/state", "idle")
    assert.same({ threads, descriptors, sockets }, { belongings(pid) })
  end)

  it("makes one ticker for calls that follow each other", function()
    local server = nginx.start {
      workers = 1,
      locations = {
        ["= /calls"] = [[
          local timers, at = 0, ngx.timer.at
          function ngx.timer.at(...)
            timers = timers + 1
            return at(...)
          end
          for _ = 1, 50 do
            assert(balance.udio())
          end
          ngx.timer.at = at
          ngx.print(timers < 10 and "few" or timers)
        ]],
      },
    }
    assert.equal("few", (server:get "/calls"))
  end)

  it("works without a master", function()
    local server = nginx.start {
      workers = 1, main = "master_process off;",
      locations = { ["= /call"] = call },
    }
    for _, body in ipairs(server:get_many(20, "/call?ms=20")) do
      assert.equal("195", body)
    end
    server:signal "TERM"
    server:await_end(server.pid)
  end)

  it("may be killed; the next one is woken too", function()
    local server = nginx.start {
      workers = 1,
      locations = { ["= /call"] = call },
    }
    server:expect "exited on signal 9"
    local pid = server:get_workers()[1]
    local request = server:open "/call?ms=20000"
    assert.equal("195", (server:get "/call?ms=20"))
    server:signal("KILL", pid)
    request.read()
    nginx.await("a new worker", function()
      return server:get_workers()[1] ~= pid
    end)
    assert.equal("195", (server:get "/call?ms=20"))
    assert.equal("2", (belongings(server:get_workers()[1])))
  end)
end)

describe("a worker of nginx that cannot be woken #nginx", function()
  after_each(nginx.finish)

  -- Lua that takes the place of a function for the rest of the worker's life,
  -- and counts its calls.
  local function planted(code)
    return nginx.start {
      workers = 1,
      locations = {
        ["= /plant"] = [[
          local methods = debug.getmetatable(core.transport()).__index
          local waker = require "balance.loop.nginx_waker"
          worker.calls = 0
          local function count()
            worker.calls = worker.calls + 1
          end
        ]] .. code,
        ["= /calls"] = "ngx.print(worker.calls)",
        ["= /call"] = call,
        ["= /state"] = "ngx.print(worker.state())",
      },
    }
  end

  local function assert_works(server)
    for _ = 1, 3 do
      for _, body in ipairs(server:get_many(10, "/call?ms=20")) do
        assert.equal("195", body)
      end
      server:await("/state", "idle")
    end
  end

  it("looks now and then: no thread or port; and tries that once", function()
    local server = planted [[
      function methods.waker()
        count()
        return nil, "Resource temporarily unavailable"
      end
    ]]
    server:get "/plant"
    assert_works(server)
    assert.equal("1", (server:get "/calls"))
  end)

  it("looks now and then: no cosocket", function()
    local server = planted [[
      function ngx.socket.udp()
        count()
        return { settimeout = count, setpeername = count, close = count }
      end
    ]]
    server:get "/plant"
    assert_works(server)
    assert.equal("4", (server:get "/calls"))
  end)

  it("looks now and then: its nonce gets lost", function()
    local server = planted [[
      function methods.arm()
        count()
        return nil, "Transport endpoint is not connected"
      end
    ]]
    server:get "/plant"
    assert_works(server)
    assert.equal("1", (server:get "/calls"))
  end)

  it("looks now and then: it was not woken in time", function()
    local server = planted [[
      waker.patience = 4
      function methods.arm()
        count()
        return true
      end
    ]]
    server:expect "lua udp socket read timed out"
    server:get "/plant"
    assert.equal("195", (server:get "/call?ms=20"))
    assert.equal("2", (server:get "/calls"))
    for _, body in ipairs(server:get_many(10, "/call?ms=20")) do
      assert.equal("195", body)
    end
    assert.equal("2", (server:get "/calls"))
    server:await("/state", "idle")
  end)
end)
