-- SPDX-License-Identifier: MIT
--
-- Calls inside nginx do not affect others: their TLS errors stay away from the
-- rest of the worker, and workers share no connections.
local nginx = require "support.nginx"
local process = require "support.process"

describe("a failed handshake inside nginx #nginx", function()
  after_each(nginx.finish)

  -- OpenSSL's queue of errors belongs to the thread. An error that is left
  -- there makes the next handshake in this worker fail.
  it("is no news for the other TLS of its worker", function()
    local sandbox = os.getenv "SANDBOX_DIR"
    local server = nginx.start {
      workers = 1,
      http = ('lua_ssl_trusted_certificate "%s/ca.pem";'):format(sandbox),
      server = ([[
        listen unix:$dir/tls ssl;
        ssl_certificate "%s/server.pem";
        ssl_certificate_key "%s/server.key";
      ]]):format(sandbox, sandbox),
      locations = {
        ["= /proxied"] = { ([[
          proxy_pass %s/;
          proxy_ssl_verify on;
          proxy_ssl_name localhost;
          proxy_ssl_session_reuse off;
          proxy_ssl_trusted_certificate "%s/ca.pem";
        ]]):format(os.getenv("SANDBOX_HTTP1"):gsub("localhost", "127.0.0.1"),
          sandbox) },
        ["= /mixed"] = [[
          local port = tonumber(os.getenv("SANDBOX_HTTP1"):match("%d+$"))
          local said = { ours = 0, cosockets = 0, proxied = 0 }
          local function fail()
            local _, err = balance.udio { ca_path = "/" }
            said.ours = said.ours + (err.kind == "tls" and 1 or 0)
          end
          local function shake()
            local socket = ngx.socket.tcp()
            assert(socket:connect("127.0.0.1", port))
            local ok = socket:sslhandshake(nil, "localhost", true)
            said.cosockets = said.cosockets + (ok and 1 or 0)
            socket:send("GET / HTTP/1.0\r\n\r\n")
            assert(socket:receive("*a"))
            socket:close()
          end
          local function proxy()
            local answer = ngx.location.capture("/proxied")
            said.proxied = said.proxied + (answer.status == 200 and 1 or 0)
          end
          for _ = 1, 10 do -- one after the other, then all at once
            fail()
            shake()
            fail()
            proxy()
          end
          local threads = {}
          for i = 1, 60 do
            threads[i] = ngx.thread.spawn(({ fail, shake, proxy })[i % 3 + 1])
          end
          for i = 1, 60 do
            ngx.thread.wait(threads[i])
          end
          ngx.print(said.ours, " ", said.cosockets, " ", said.proxied)
        ]],
      },
    }
    local mixed = server:open "/mixed"
    for _ = 1, 10 do -- nginx's own handshakes as a server
      local output = process.run("curl -sS --cacert \"$SSL_CERT_FILE\""
        .. " --unix-socket " .. server.dir
        .. "/tls https://localhost/unrelated")
      assert.equal("here", output)
    end
    assert.equal("40 30 30", (mixed.read()))
  end)
end)

describe("two workers of nginx #nginx", function()
  after_each(nginx.finish)

  -- The inodes of a process's sockets that lead to the sandbox, and how many
  -- descriptors of libcurl's or epoll's kind it has.
  local function descriptors(pid)
    local list = process.run("ls -l /proc/" .. pid .. "/fd")
    local ports = {}
    for _, name in ipairs { "SANDBOX_HTTP1", "UDIO_ENDPOINT" } do
      local port = tonumber(os.getenv(name):match("%d+$"))
      ports[("%04X"):format(port)] = true
    end
    local sockets, table_of_kernel = {}, process.read "/proc/net/tcp"
    for remote, inode in table_of_kernel:gmatch(
      "%d+: %x+:%x+ %x+:(%x+) %x+ %x+:%x+ %x+:%x+ %x+ +%d+ +%d+ (%d+)") do
      if ports[remote] and list:find("socket:[" .. inode .. "]", 1, true) then
        sockets[#sockets + 1] = inode
      end
    end
    return sockets, select(2, list:gsub("eventpoll", ""))
  end

  it("share nothing with each other or with the master, where a call was made",
    function()
      local server = nginx.start {
        workers = 2,
        http = nginx.lua("init_by_lua_block", [[
            said = worker.word(balance.udio())
            balance.all { udio = {}, tempolor = {} }
            master = worker.fetch():header("x-sandbox-connection")
            require("balance.loop.nginx").leave()
          ]]) .. nginx.lua("init_worker_by_lua_block", [[
            ngx.timer.at(0, function()
              local said, connections = {}, { master }
              local bench = require("sandbox.accounts").tencent.bench
              for i = 1, 10 do
                local one = worker.fetch():header("x-sandbox-connection")
                connections[#connections + 1] = one
                local results = balance.all {
                  udio = {}, tempolor = {}, tencent = {
                    secret_id = bench.secret_id,
                    secret_key = bench.secret_key,
                  },
                }
                said[i] = worker.word(results.udio)
                  .. worker.word(results.tempolor)
                  .. worker.word(results.tencent)
              end
              local pid = ngx.worker.pid()
              worker.note("connections" .. pid,
                table.concat(connections, " "))
              worker.note("said" .. pid, table.concat(said, " "))
            end)
          ]]),
      }
      local seen, workers = {}, server:get_workers()
      assert.equal(2, #workers)
      local notes = {}
      for _, pid in ipairs(workers) do
        notes[pid] = server:await_note("said" .. pid)
      end
      for _, pid in ipairs(workers) do
        assert.equal(("195776.564200 "):rep(10),
          notes[pid] .. " ")
        local own = {}
        for number in server:note("connections" .. pid):gmatch("%d+") do
          own[number] = true
        end
        local count = 0
        for number in pairs(own) do
          count = count + 1
          seen[number] = (seen[number] or 0) + 1
        end
        assert.equal(2, count) -- the master's, and one of the worker's own
      end
      local shared = 0
      for _, count in pairs(seen) do
        shared = shared + (count > 1 and 1 or 0)
      end
      assert.equal(1, shared) -- the master's number, in both lists

      local sockets, polls = descriptors(server.pid)
      assert.same({ {}, 0 }, { sockets, polls })
      local owners = {}
      for _, pid in ipairs(workers) do
        sockets, polls = descriptors(pid)
        assert.is_true(#sockets >= 2) -- one of each protocol
        assert.equal(3, polls) -- nginx's, the module's, its waker's
        for _, inode in ipairs(sockets) do
          assert.is_nil(owners[inode])
          owners[inode] = pid
        end
      end
    end)
end)
