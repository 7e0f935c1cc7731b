-- SPDX-License-Identifier: MIT
--
-- A location of nginx that is guarded by a cached call, while the service
-- hangs: in two workers, at most one request waits for it. The service counts
-- what it is asked, and lets go when it is told to: that shows who waited. Its
-- Retry-After is longer than a call may take, so that no call waits for it.
local holding = require "support.holding"
local nginx = require "support.nginx"

describe("a location under a service that hangs #nginx", function()
  local server

  -- The settings of the cache, in Lua.
  local function location(settings, options)
    return ([[
      local result, err = balance.udio { endpoint = "%s",
        api_key = "k3y-of-the-spec", timeout = 29, rate = false, %s
        cache = { store = ngx.shared.balance, %s } }
      ngx.shared.notes:incr("ended", 1, 0)
      err = err or result.refresh_error
      ngx.print(result and result.credits, " ", result and result.stale, " ",
        err and err.kind, " ", err and err.retry_after)
    ]]):format(holding.endpoint(), options or "", settings)
  end

  setup(function()
    server = nginx.start {
      http = "lua_shared_dict balance 1m;",
      locations = {
        ["= /new"] = location "ttl = 3600",
        ["= /old"] = location "ttl = 1e-6, refresh_timeout = 28",
        ["= /patient"] = location("ttl = 1e-6, refresh_timeout = 0.2",
          "retries = 0,"),
        ["= /first"] = location "ttl = 1e-6, stale_first = true",
        ["= /ended"] = [[
          ngx.print(ngx.shared.notes:get "ended" or 0)
          ngx.shared.notes:set("ended", 0)
        ]],
        ["= /flush"] = "ngx.shared.balance:flush_all()",
        ["= /full"] = [[
          local store = setmetatable({}, { __index = function(_, name)
            return function(_, ...)
              return ngx.shared.balance[name](ngx.shared.balance, ...)
            end
          end })
          local options = { endpoint = "]] .. holding.endpoint() .. [[",
            api_key = "k3y-of-the-spec",
            cache = { store = store, ttl = 1e-6, stale_first = true } }
          local at = ngx.timer.at
          ngx.timer.at = function() return nil, "too many pending timers" end
          local result = balance.udio(options)
          ngx.timer.at = at
          ngx.print(result.credits, " ", result.stale)
        ]],
      },
    }
  end)

  teardown(nginx.finish)

  local before

  before_each(function()
    server:get "/flush"
    holding.tell "answer"
    before = holding.requests()
    server:get "/ended"
  end)

  after_each(function()
    holding.tell "answer"
  end)

  local function asked()
    return holding.requests() - before
  end

  -- What they print, sorted; `release` is called once all but one have ended.
  local function ask_at_once(count, path, waiting, release)
    local requests, bodies = {}, {}
    for i = 1, count do
      requests[i] = server:open(path)
    end
    nginx.await("all but " .. waiting, function()
      return (server:note "ended") == ("%d"):format(count - waiting)
    end)
    release()
    for i, request in ipairs(requests) do
      bodies[i] = request.read()
    end
    table.sort(bodies)
    return bodies
  end

  it("has one request that waits, and then none", function()
    local old = server:get "/new":match "%d+"
    server:get "/ended"
    holding.tell "hold"
    local bodies = ask_at_once(16, "/old", 1, function()
      assert.equal(2, asked())
      holding.tell("busy", 30)
    end)
    for i = 1, 15 do
      assert.equal(old .. " true nil nil", bodies[i])
    end
    assert.equal(old .. " true rate_limit 30", bodies[16])
    holding.tell "hold" -- who asked it would wait
    for _ = 1, 8 do
      assert.matches("^" .. old .. " true rate_limit ", (server:get "/old"))
    end
    assert.equal(2, asked())
  end)

  it("lets that one wait for refresh_timeout, not for timeout", function()
    local old = server:get "/new":match "%d+"
    holding.tell "hold"
    assert.equal(old .. " true timeout nil", (server:get "/patient"))
  end)

  it("asks once where there is no old value, and the failure is all's",
    function()
      holding.tell "hold"
      local bodies = ask_at_once(16, "/old", 16, function()
        holding.await_held(1)
        holding.tell("busy", 30)
      end)
      for _, body in ipairs(bodies) do
        assert.matches("^nil nil rate_limit ", body)
      end
      holding.tell "hold"
      for _ = 1, 8 do
        assert.matches("^nil nil rate_limit ", (server:get "/old"))
      end
      assert.equal(1, asked())
    end)

  it("does not ask before Retry-After is over", function()
    local old = server:get "/new":match "%d+"
    holding.tell("busy", 30)
    for _ = 1, 3 do
      local left = server:get "/old":match("^" .. old
        .. " true rate_limit (.*)$")
      assert.is_true(tonumber(left) <= 30 and tonumber(left) > 0)
    end
    assert.equal(2, asked())
  end)

  it("has none that waits with stale_first, and one refresh", function()
    local old = server:get "/new":match "%d+"
    holding.tell "hold"
    for _, body in ipairs(server:get_many(16, "/first")) do
      assert.equal(old .. " true nil nil", body)
    end
    for _ = 1, 8 do
      assert.equal(old .. " true nil nil", (server:get "/first"))
    end
    holding.await_held(1)
    assert.equal(2, asked())
    holding.tell "answer"
    server:await("/new", ("%d nil nil nil"):format(tonumber(old) + 1))
    assert.equal(2, asked())
  end)

  it("waits with stale_first where nginx has no timer left", function()
    local old = server:get "/new":match "%d+"
    assert.equal(("%d nil"):format(tonumber(old) + 1), (server:get "/full"))
  end)
end)
