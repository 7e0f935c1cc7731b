-- SPDX-License-Identifier: MIT
--
-- A call whose kept connection died in silence, in each loop.
local blocking = require "balance.loop.blocking"
local core = require "balance.core"
local cqueues = require "cqueues"
local nginx = require "support.nginx"
local process = require "support.process"
local silence = require "support.silence"

local new_client = silence.new_client
local ask, ask_many = silence.ask, silence.ask_many

before_each(silence.begin)
after_each(silence.finish)

describe("a dead connection in a loop", function()
  it("costs as little in a gather of a plain script", function()
    local client = new_client "tls"
    ask_many(client, 2)
    silence.tell "silent"
    local attempts, ticks = {}, 0
    blocking.gather {
      function() attempts[1] = ask(client).attempts end,
      function() attempts[2] = ask(client).attempts end,
      function()
        for _ = 1, 20 do
          blocking.sleep(0.01)
          ticks = ticks + 1
        end
      end,
    }
    assert.same({ 2, 2 }, attempts)
    assert.equal(20, ticks)
  end)

  it("costs as little under cqueues", function()
    local client = new_client "tls"
    ask_many(client, 2)
    silence.tell "silent"
    local attempts, controller = {}, cqueues.new()
    for i = 1, 2 do
      controller:wrap(function() attempts[i] = ask(client).attempts end)
    end
    controller:wrap(function() attempts[3] = ask_many(client, 2) end)
    assert(controller:loop())
    assert.same({ 2, 2 }, { attempts[1], attempts[2] })
    silence.await_open(4)
  end)

  it("costs as little under luv", function()
    local output, status = process.run_lua([[
      local balance, uv = require "balance", require "luv"
      local silence = require "support.silence"
      local client = balance.new { loop = "luv", timeout = 4,
        udio = { endpoint = silence.endpoint "tls", api_key = "s1l3nt-k3y" } }
      local attempts = 0
      local function ask_twice()
        for _ = 1, 2 do
          coroutine.wrap(function()
            local result = client:udio()
            attempts = attempts + result.attempts
          end)()
        end
        uv.run()
      end
      ask_twice()
      silence.tell "silent"
      ask_twice()
      uv.walk(function(handle) error("left: " .. tostring(handle)) end)
      silence.await_open(2)
      io.write(attempts)
    ]], "timeout 20")
    assert.equal("6 0", output .. " " .. status)
  end)

  it("costs as little in a loop of the caller's", function()
    local client = new_client("tls", { loop = {
      wait = function(transfer)
        while not transfer:done() do
          assert(core.transport():wait())
        end
        return true
      end,
      sleep = core.sleep,
      gather = function(functions)
        for _, body in ipairs(functions) do
          body()
        end
      end,
    } })
    ask(client)
    silence.tell "silent"
    assert.equal(2, ask(client).attempts)
  end)

  it("is closed with the call where the loop fails", function()
    local client
    local waits = 0
    client = new_client("tls", { loop = {
      wait = function(transfer)
        waits = waits + 1
        if waits == 3 then -- the wait for the second request
          return nil, "network", "no more descriptors"
        end
        return blocking.wait(transfer)
      end,
      sleep = core.sleep, gather = blocking.gather,
    } })
    ask(client)
    silence.tell "silent"
    local result, err = client:udio { retries = 0 }
    assert.is_nil(result)
    assert.equal("udio: network: no more descriptors", tostring(err))
    assert.equal(2, err.attempts)
    silence.await_open(0)
  end)
end)

describe("a dead connection in nginx #nginx", function()
  after_each(nginx.finish)

  local function start()
    return nginx.start {
      workers = 1,
      http = "lua_check_client_abort on;",
      locations = {
        ["= /ask"] = ([[
          local result, err = balance.udio {
            endpoint = %q, api_key = "s1l3nt-k3y", timeout = 4,
          }
          ngx.print(result and result.attempts or tostring(err))
        ]]):format(silence.endpoint "tls"),
        ["= /all"] = ([[
          local accounts, attempts = {}, 0
          for i = 1, 8 do
            accounts["account" .. i] = { provider = "udio", timeout = 4,
              endpoint = %q, api_key = "s1l3nt-k3y" }
          end
          for _, result in pairs((balance.all(accounts))) do
            attempts = attempts + result.attempts
          end
          ngx.print(attempts)
        ]]):format(silence.endpoint "tls"),
        ["= /state"] = "ngx.print(worker.state())",
      },
    }
  end

  it("costs a second request, and the worker goes on", function()
    local server = start()
    assert.equal("1", (server:get "/ask"))
    silence.tell "silent"
    local request = server:open "/ask"
    server:await("/state", "under way, 1 waiting, 1 timers")
    assert.equal("here", (server:get "/unrelated"))
    assert.equal("2", (request.read()))
    assert.equal("1", (server:get "/ask"))
    server:await("/state", "idle")
    silence.await_open(1)
  end)

  it("stops none of many calls at once", function()
    local server = start()
    assert.equal("8", (server:get "/all"))
    silence.tell "silent"
    assert.equal("16", (server:get "/all"))
    assert.equal("8", (server:get "/all"))
  end)

  it("goes with its second request where the client goes", function()
    local server = start()
    server:get "/ask"
    silence.tell("silent", 1)
    local before = silence.requests()
    local request = server:open "/ask"
    nginx.await("both requests", function()
      return silence.requests() == before + 2
    end)
    request.close()
    server:await("/state", "idle")
    silence.await_open(0)
  end)
end)
