-- SPDX-License-Identifier: MIT
-- Options that could change a request, or send a key elsewhere, are refused
-- before anything is sent.
local balance = require "balance"
local core = require "balance.core"
local accounts = require "sandbox.accounts"
local faults = require "support.faults"
local process = require "support.process"
local secrets = require "support.secrets"
local socket = require "cqueues.socket"

-- A port that notes connections.
local trap, trap_endpoint

lazy_setup(function()
  trap = assert(socket.listen { host = "127.0.0.1", port = 0 })
  trap_endpoint = "http://127.0.0.1:" .. select(3, assert(trap:localname()))
end)

lazy_teardown(function()
  trap:close()
end)

local function assert_nobody_came()
  assert.is_nil((trap:accept(0)))
end

local controls = { 127 }
for byte = 0, 31 do
  controls[#controls + 1] = byte
end

describe("a control character", function()
  it("in an option is a config failure, and nothing is sent", function()
    local wanted = { endpoint = trap_endpoint, retries = 0,
      api_key = accounts.udio.main.api_key,
      secret_id = accounts.tencent.main.secret_id,
      secret_key = accounts.tencent.main.secret_key, token = "a-token" }
    local common = { "endpoint", "proxy", "ca_file", "ca_path" }
    for provider, own in pairs {
      tempolor = { "api_key" }, udio = { "api_key" },
      tencent = { "secret_id", "secret_key", "token", "region", "language",
        "profile", "credentials_file", "cvm_role" },
    } do
      local keys = provider == "tencent"
        and { "secret_id", "secret_key", "token" } or { "api_key" }
      for _, names in ipairs { common, own } do
        for _, name in ipairs(names) do
          for _, byte in ipairs(controls) do
            local options = { endpoint = wanted.endpoint }
            for _, key in ipairs(keys) do
              options[key] = wanted[key]
            end
            options[name] = (wanted[name] or "value") .. string.char(byte)
              .. "X-Evil: 1"
            local result, err = balance[provider](options)
            assert.is_nil(result)
            assert.equal("config", err.kind, provider .. name .. byte)
            assert.is_nil(tostring(err):find("[%c]"))
          end
        end
      end
    end
    assert_nobody_came()
  end)

  -- Every control character that a variable can have and a file's line can.
  it("in a key of the environment or a file is one too", function()
    local home = process.run("mktemp -d"):gsub("%s+$", "")
    process.run("mkdir " .. home .. "/.tencentcloud")
    for byte = 1, 31 do
      local key = ("s3cr3t-key%cX-Evil: 1"):format(byte)
      process.write(home .. "/.tencentcloud/credentials",
        ("[default]\nsecret_id = s3cr3t-id\nsecret_key = %s\n"):format(
        byte == 10 and key:gsub("\n", "\r") or key))
      local output, status = process.run_lua([[
        local balance = require "balance"
        for _, name in ipairs { "tempolor", "udio", "tencent" } do
          local _, err = balance[name] { endpoint = arg[1] }
          assert(not tostring(err):find "%c", "more than one line")
          io.write(err.kind, ";", err.message, ";")
        end
      ]], ("env -u TENCENTCLOUD_SECRET_KEY HOME=%s TEMPOLOR_API_KEY=%s"
        .. " UDIO_API_KEY=%s"):format(home, process.quote(key),
        process.quote(key)), trap_endpoint)
      assert.equal(0, status, output)
      assert.is_truthy(output:find("^config;[^;]+TEMPOLOR_API_KEY has a "
        .. "control character%);config;[^;]+UDIO_API_KEY has a control "
        .. "character%);config;.+'secret_key' has a control character"),
        output)
      assert.is_nil(output:find("s3cr3t-k", 1, true))
    end
    process.run("rm -r " .. home)
    assert_nobody_came()
  end)
end)

describe("an endpoint #transport", function()
  it("that is more than scheme, host and port is refused", function()
    for _, bad in ipairs {
      "", "localhost", "localhost:1", "//localhost", "https:localhost",
      "https://", "https://:443", "https:///", "https://?",
      "https:/localhost", "https:///localhost", "https:localhost",
      -- another scheme
      "ftp://localhost", "file:///etc/passwd", "ws://localhost",
      "httpss://localhost", "javascript:1", "unix:/tmp/x",
      -- user, password
      "https://user@localhost", "https://user:pa55word@localhost",
      "https://@localhost", "https://:@localhost",
      "https://user%40x@localhost",
      -- path, query, fragment
      "https://localhost/path", "https://localhost//", "https://localhost/.",
      "https://localhost/..", "https://localhost/?q", "https://localhost?q",
      "https://localhost#f", "https://localhost/#", "https://localhost;a",
      -- not a host
      "https://local host", "https://a\r\nb", "https://a\0b", "https://a\tb",
      "https://%31", "https://a\\b", "https://a,b", "https://a\"b",
      "https://é.example", "https://" .. ("x"):rep(400), "https://[::1",
      "https://127.0.0.1.", "https://1.", "https://a..", "https://a.0x1.",
      "https://[localhost]", "https://[fe80::1%25lo]", " https://a",
      "https://a ",
      -- not a port
      "https://localhost:99999", "https://localhost:-1", "https://localhost:x",
      "https://localhost:1:2", "https://localhost:1x",
    } do
      local transfer, kind, message = faults.fetch("/", { endpoint = bad })
      assert.is_nil(transfer, bad)
      assert.equal("config", kind, bad)
      assert.matches("^endpoint: ", message)
      assert.is_nil(message:find("pa55word", 1, true))
    end
  end)

  it("without TLS is refused for all that is not loopback", function()
    for _, host in ipairs {
      "example.com", "0.0.0.0", "128.0.0.1", "126.255.255.255", "10.127.0.1",
      "1.0.0.127", "0", "[::]", "[::2]", "[::ffff:127.0.0.1]",
      "[::ffff:7f00:1]", "[::127.0.0.1]", "[fe80::1]",
      -- names that begin, or end, like one
      "127.0.0.1.example.com", "localhost.example.com", "127.example.com",
      "127.0.0.1.", "127.0.0.1..", "127.1.", "0x7f000001.", "2130706433.",
      "localhost.", "localhost-example.com", "localhostt",
      "notlocalhost", "sub.localhost", "127.0.0.1x", "127.0.0.1.1",
      "127.0.0.256", "127.0.0.1,example.com", "127-0-0-1.example.com",
      "xn--localhost", "ｌocalhost", "１27.0.0.1", "127。0。0。1",
      -- hosts that look like another one
      "127.0.0.1@example.com", "localhost@example.com",
      "localhost:80@example.com", "example.com#@localhost",
      "example.com?@localhost", "example.com/@localhost",
      "example.com\\@localhost", "localhost\\.example.com",
      "localhost%00.example.com", "localhost%2eexample.com",
      "localhost\0.example.com", "localhost .example.com",
      -- a host that may be reached in clear text has one name and one port
      "clear.example.com:8080", "clear.example.com.example.org",
      "x.clear.example.com", "metadata.tencentyun.com",
    } do
      local transfer, kind, message = faults.fetch("/",
        { endpoint = "http://" .. host, clear_host = "clear.example.com" })
      assert.is_nil(transfer, host)
      assert.equal("config", kind, host)
      assert.matches("^endpoint: ", message)
    end
  end)

  it("without TLS and loopback gets no key, whoever wants it there",
    function()
      local metadata = "http://metadata.tencentyun.com"
      for _, provider in ipairs { "udio", "tempolor", "tencent" } do
        local result, err = balance[provider] { endpoint = metadata }
        assert.is_nil(result)
        assert.equal("config", err.kind)
        assert.matches("^endpoint: http:// is for loopback", err.message)
      end
      for name, value in pairs {
        headers = { ["X-Key"] = "k" }, authorization = "k", body = "k",
        tc3 = { secret_id = "i", secret_key = "k", service = "s" },
      } do
        local transfer, kind = faults.fetch("/",
          { endpoint = metadata, [name] = value })
        assert.is_nil(transfer, name)
        assert.equal("config", kind, name)
      end
      for name, value in pairs {
        headers = { authorization = "k" }, authorization = "k",
        tc3 = { secret_id = "i", secret_key = "k", service = "s" },
      } do
        local transfer, kind = faults.fetch("/", { endpoint = metadata,
          clear_host = "metadata.tencentyun.com", [name] = value })
        assert.is_nil(transfer, name)
        assert.equal("config", kind, name)
      end
    end)

  it("is read anew where another one, or another host in clear, is wanted",
    function()
      local good, cleared = "http://127.0.0.1:1", "http://clear.example.com"
      local host = "clear.example.com"
      local function check(kind, endpoint, clear_host)
        local transfer, refused = core.transport():start {
          endpoint = endpoint, clear_host = clear_host, path = "/",
          timeout = 0.1, connect_timeout = 0.1,
        }
        assert.equal(kind, refused, endpoint)
        if transfer then
          transfer:close()
        end
      end
      for _ = 1, 2 do
        check(nil, good)
        check("config", good .. "/x")
        check("config", "")
        check("config", cleared)
        check(nil, cleared, host)
        check("config", cleared)
        check(nil, good, host)
      end
    end)

  it("that is refused stands in no event, with its password or token",
    function()
      for _, bad in ipairs { "https://user:pa55word@localhost:1",
        "https://localhost:1/?pa55word", "http://pa55word.example.com" } do
        local told = ""
        local _, err = balance.udio { endpoint = bad, trace = function(event)
          told = told .. secrets.text_of(event)
        end }
        assert.equal("config", err.kind)
        assert.matches("attempt", told, 1, true)
        told = told .. secrets.text_of(err)
        assert.is_nil(told:find("pa55", 1, true))
      end
    end)

  -- libcurl gets the address that was checked, in its usual spelling.
  it("is a URL's origin, and its Host, with the port where it is unusual",
    function()
      local command, expected = {}, {}
      for _, case in ipairs {
        { "https://example.com", "https://example.com example.com" },
        { "https://example.com:443/", "https://example.com example.com" },
        { "https://example.com:80", "https://example.com:80 example.com:80" },
        { "https://Example.com:8443",
          "https://Example.com:8443 Example.com:8443" },
        { "https://10.1.2.3", "https://10.1.2.3 10.1.2.3" },
        { "https://[2001:db8::1]", "https://[2001:db8::1] [2001:db8::1]" },
        { "https://[::1]:1", "https://[::1]:1 [::1]:1" },
        { "HTTPS://a_b.example", "https://a_b.example a_b.example" },
        { "http://localhost:80", "http://localhost localhost" },
        { "HTTP://LOCALHOST:81/", "http://LOCALHOST:81 LOCALHOST:81" },
        { "http://[::1]", "http://[::1] [::1]" },
        { "http://[0:0:0:0:0:0:0:1]", "http://[::1] [::1]" },
        { "http://127.0.0.1", "http://127.0.0.1 127.0.0.1" },
        { "http://127.255.255.254", "http://127.255.255.254 127.255.255.254" },
        { "http://127.1:81", "http://127.0.0.1:81 127.0.0.1:81" },
        { "http://0x7f.1", "http://127.0.0.1 127.0.0.1" },
        { "http://0177.0.0.1", "http://127.0.0.1 127.0.0.1" },
        { "http://2130706433", "http://127.0.0.1 127.0.0.1" },
        { "http://clear.example.com", "http:// is for loopback addresses"
          .. " only, use https://" },
        { "http://clear.example.com", "http://clear.example.com"
          .. " clear.example.com", "clear.example.com" },
        { "https://example.com", "https://example.com example.com",
          "clear.example.com" },
      } do
        command[#command + 1] = ("%s/spec/endpoint_of %s %s;"):format(
          process.build, process.quote(case[1]), case[3] or "")
        expected[#expected + 1] = case[2] .. "\n"
      end
      assert.equal(table.concat(expected),
        (process.run(table.concat(command, "\n"))))
    end)

  it("is reached where it is a loopback address", function()
    faults.endpoint()
    for _, good in ipairs { "http://127.0.0.1:", "http://127.1:",
      "http://localhost:", "HTTP://LOCALHOST:" } do
      good = good .. faults.ports.plain
      assert.equal(200, faults.fetch("/none", { endpoint = good }).status)
    end
    local ca_file = os.getenv "SSL_CERT_FILE"
    local port = os.getenv("UDIO_ENDPOINT"):match "%d+$"
    for _, good in ipairs { "https://127.0.0.1:", "https://LOCALHOST:" } do
      assert.equal(200, faults.fetch("/", { ca_file = ca_file,
        endpoint = good .. port .. "/" }).status)
    end
  end)
end)
