-- SPDX-License-Identifier: MIT
--
-- Where inside nginx a call works, where it blocks, and where it is refused.
local nginx = require "support.nginx"
local process = require "support.process"

-- A location that runs Lua in another phase than content.
local function in_phase(phase, code)
  return { nginx.lua(phase .. "_by_lua_block", code) }
end

describe("inside nginx a call #nginx", function()
  after_each(nginx.finish)

  local answer = "ngx.print(worker.word(balance.udio()))"

  it("works in rewrite, access and content", function()
    local server = nginx.start {
      locations = {
        ["= /rewrite"] = in_phase("rewrite", answer .. " ngx.exit(200)"),
        ["= /access"] = in_phase("access", answer .. " ngx.exit(200)"),
        ["= /content"] = answer,
      },
    }
    for _, phase in ipairs { "rewrite", "access", "content" } do
      for _ = 1, 3 do
        assert.equal("195", (server:get("/" .. phase)), phase)
      end
    end
  end)

  it("works in a timer, one of init_worker_by_lua too", function()
    local server = nginx.start {
      workers = 1,
      http = nginx.lua("init_worker_by_lua_block", [[
        ngx.timer.at(0, function()
          worker.note("first", worker.word(balance.udio()))
        end)
      ]]),
      locations = {
        ["= /start"] = [[
          ngx.timer.at(0, function()
            worker.note("second", worker.word(balance.tempolor()))
          end)
        ]],
      },
    }
    server:get "/start"
    assert.equal("195", server:await_note "first")
    assert.equal("776.56", server:await_note "second")
  end)

  it("works in ssl_certificate", function()
    local server = nginx.start {
      server = [[
        listen unix:$dir/tls ssl;
        ssl_certificate "]] .. os.getenv "SANDBOX_DIR" .. [[/server.pem";
        ssl_certificate_key "]] .. os.getenv "SANDBOX_DIR" .. [[/server.key";
      ]] .. nginx.lua("ssl_certificate_by_lua_block", [[
        worker.note("said", worker.word(balance.udio()))
      ]]),
    }
    for _ = 1, 3 do
      local output = process.run("curl -sS --cacert \"$SSL_CERT_FILE\""
        .. " --unix-socket " .. server.dir .. "/tls https://localhost/notes")
      assert.equal("said=195\n", output)
    end
  end)

  it("works in subrequests and beside them", function()
    local server = nginx.start {
      locations = {
        ["= /outer"] = [[
          local before = worker.word(balance.udio())
          local one, two = ngx.location.capture_multi {
            { "/inner" }, { "/inner" },
          }
          ngx.print(before, one.body, two.body, worker.word(balance.udio()))
        ]],
        ["= /inner"] = answer,
      },
    }
    assert.equal("195195195195", (server:get "/outer"))
  end)

  it("works while nginx starts: init and init_worker wait for it", function()
    local server = nginx.start {
      http = nginx.lua("init_by_lua_block", [[
          said = worker.word(balance.udio())
          local results, failures = balance.all {
            udio = {}, tempolor = {}, again = { provider = "udio" },
            wrong = { provider = "udio", api_key = "wrong" },
          }
          all = table.concat({ worker.word(results.udio, failures.udio),
            worker.word(results.tempolor, failures.tempolor),
            worker.word(results.again, failures.again),
            worker.word(results.wrong, failures.wrong) }, " ")
        ]]) .. nginx.lua("init_worker_by_lua_block", [[
          said = said .. " " .. worker.word(balance.udio())
          local results = balance.all { udio = {}, tempolor = {} }
          said = said .. " " .. worker.word(results.udio)
            .. " " .. worker.word(results.tempolor)
        ]]),
      locations = { ["= /said"] = "ngx.print(said, ', ', all)" },
    }
    assert.equal("195 195 195 776.56, 195 776.56 195 auth",
      (server:get "/said"))
  end)

  it("while nginx starts has all of the answer, its headers too", function()
    local server = nginx.start {
      http = nginx.lua("init_by_lua_block", [[
          local udio = require "balance.provider.udio"
          balance.register {
            name = "limited", unit = udio.unit, credentials = {},
            endpoint = os.getenv "UDIO_ENDPOINT", read = udio.read,
            request = function()
              return { path = "/api/v2/credits", headers = {
                ["X-Sandbox-Answer"] = "429",
                ["X-Sandbox-Retry-After"] = "7",
                Authorization = "Bearer " .. os.getenv "UDIO_API_KEY",
              } }
            end,
          }
          local _, err = balance.limited { retries = 0 }
          said = err.kind .. " " .. tostring(err.retry_after)
        ]]),
      locations = { ["= /said"] = "ngx.print(said)" },
    }
    assert.equal("rate_limit 7", (server:get "/said"))
  end)

  it("is refused, with a way out, where nginx cannot wait", function()
    local port = os.getenv("SANDBOX_PLAIN"):match("%d+$")
    local try = [[
      local result, err = balance.udio()
      assert(result == nil)
      assert(err.retryable == false)
      local results, failures = balance.all { udio = {}, tempolor = {} }
      assert(next(results) == nil)
      local said = table.concat({ err.kind, failures.udio.kind,
        failures.tempolor.kind, err.hint }, " ")
      worker.note(ngx.get_phase(), said)
    ]]
    local server = nginx.start {
      http = "upstream sandbox { server 127.0.0.1:1;\n"
        .. nginx.lua("balancer_by_lua_block", try
          .. 'assert(require("ngx.balancer").set_current_peer("127.0.0.1", '
          .. port .. "))") .. "}",
      locations = {
        ["= /"] = {
          nginx.lua("set_by_lua_block $said", try .. "return said")
          .. nginx.lua("header_filter_by_lua_block", try)
          .. nginx.lua("body_filter_by_lua_block", try)
          .. nginx.lua("log_by_lua_block", try)
          .. "proxy_pass http://sandbox;",
        },
      },
    }
    local _, status = server:get "/"
    assert.equal(200, status)
    for _, phase in ipairs { "set", "header_filter", "body_filter", "log",
      "balancer" } do
      assert.equal("phase phase phase make the call in ngx.timer.at, or in an "
        .. "earlier phase", server:await_note(phase), phase)
    end
  end)

  it("is refused with a libcurl that would stop the worker", function()
    local server = nginx.start {
      http = nginx.lua("init_by_lua_block", [[
        local info = core.info
        core.info = function()
          local copy = info()
          copy.async_dns = false
          return copy
        end
        said = worker.word(balance.udio()) -- nothing is served yet
      ]]),
      locations = {
        ["= /"] = [[
          local _, err = balance.udio()
          ngx.print(said, " ", tostring(err), ": ", err.hint)
        ]],
      },
    }
    local body = server:get "/"
    assert.matches("^195 udio: config: this libcurl .*worker.*: install",
      body)
  end)

  it("fails as everywhere: by kind", function()
    local server = nginx.start {
      locations = {
        ["= /"] = [[
          local said = {
            worker.word(worker.call_slow(20000, { timeout = 0.2 })),
            worker.word(balance.udio { endpoint = "https://127.0.0.1:1" }),
            worker.word(balance.udio { api_key = "wrong" }),
            worker.word(balance.udio { ca_file = "/no/such/file" }),
            worker.word(balance.udio { ca_path = "/" }),
            worker.word(balance.udio { endpoint = "ftp://localhost" }),
          }
          ngx.print(table.concat(said, " "))
        ]],
        ["= /raises"] = [[
          ngx.print(tostring(pcall(balance.udio, { no = 1 })), " ",
            tostring(pcall(balance.all, { nobody = {} })))
        ]],
      },
    }
    assert.equal("timeout connect auth config tls config", (server:get "/"))
    assert.equal("false false", (server:get "/raises"))
  end)

  it("does nothing when the module is loaded", function()
    local server = nginx.start {
      workers = 1,
      locations = {
        ["= /require"] = { [[content_by_lua_block {
          local function descriptors()
            local pipe = io.popen("readlink /proc/" .. ngx.worker.pid()
              .. "/fd/* | grep -v pipe:") -- the pipe of popen
            local list = pipe:read("*a")
            pipe:close()
            return list
          end
          assert(not package.loaded["balance.core"])
          local before = descriptors()
          require "balance"
          require "balance.loop.nginx"
          assert(descriptors() == before)
          ngx.print(ngx.timer.running_count() + ngx.timer.pending_count())
        }]] },
      },
    }
    assert.equal("0", (server:get "/require"))
  end)
end)
