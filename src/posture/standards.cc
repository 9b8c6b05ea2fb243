#include "posture/standards.h"

#include <algorithm>

namespace writ::posture {
namespace {

constexpr std::string_view kNhi = "OWASP Non-Human Identities Top 10 2025";
constexpr std::string_view kNhiSource =
    "https://owasp.org/www-project-non-human-identities-top-10/2025/top-10-2025/";
constexpr std::string_view kCsf = "NIST Cybersecurity Framework 2.0";
constexpr std::string_view kCsfSource =
    "https://csf.tools/reference/nist-cybersecurity-framework/v2-0/pr/pr-aa/pr-aa-05/";
constexpr std::string_view kZeroTrust = "NIST SP 800-207 Zero Trust Architecture, section 2.1";
constexpr std::string_view kZeroTrustSource = "https://doi.org/10.6028/NIST.SP.800-207";
constexpr std::string_view kControls = "NIST SP 800-53 Rev. 5";
constexpr std::string_view kControlsSource = "https://doi.org/10.6028/NIST.SP.800-53r5";
constexpr std::string_view kAgentic = "OWASP Top 10 for Agentic Applications for 2026";
constexpr std::string_view kAgenticSource =
    "https://genai.owasp.org/resource/owasp-top-10-for-agentic-applications-for-2026/";
constexpr std::string_view kMcp = "OWASP MCP Top 10 2025 (v0.1)";
constexpr std::string_view kMcpSource = "https://owasp.org/www-project-mcp-top-10/";
constexpr std::string_view kApi = "OWASP API Security Top 10 2023";
constexpr std::string_view kApiSource = "https://owasp.org/API-Security/editions/2023/en/0x11-t10/";

constexpr Standard kStandards[] = {
    {"NHI1:2025", "Improper Offboarding", kNhi, kNhiSource},
    {"NHI2:2025", "Secret Leakage", kNhi, kNhiSource},
    {"NHI3:2025", "Vulnerable Third-Party NHI", kNhi, kNhiSource},
    {"NHI4:2025", "Insecure Authentication", kNhi, kNhiSource},
    {"NHI5:2025", "Overprivileged NHI", kNhi, kNhiSource},
    {"NHI6:2025", "Insecure Cloud Deployment Configurations", kNhi, kNhiSource},
    {"NHI7:2025", "Long-Lived Secrets", kNhi, kNhiSource},
    {"NHI8:2025", "Environment Isolation", kNhi, kNhiSource},
    {"NHI9:2025", "NHI Reuse", kNhi, kNhiSource},
    {"NHI10:2025", "Human Use of NHI", kNhi, kNhiSource},
    // PR.AC-4 of CSF 1.1 became this one.
    {"PR.AA-05",
     "Access permissions, entitlements, and authorizations are defined in a policy, managed, enforced, and "
     "reviewed, and incorporate the principles of least privilege and separation of duties",
     kCsf, kCsfSource},
    {"SP 800-207 tenet 3", "Access to individual enterprise resources is granted on a per-session basis",
     kZeroTrust, kZeroTrustSource},
    {"SP 800-207 tenet 4", "Access to resources is determined by dynamic policy", kZeroTrust,
     kZeroTrustSource},
    {"SP 800-207 tenet 6",
     "All resource authentication and authorization are dynamic and strictly enforced before access is "
     "allowed",
     kZeroTrust, kZeroTrustSource},
    {"AC-3(7)", "Role-based Access Control", kControls, kControlsSource},
    {"AC-4", "Information Flow Enforcement", kControls, kControlsSource},
    {"AC-6", "Least Privilege", kControls, kControlsSource},
    {"ASI01", "Agent Goal Hijack", kAgentic, kAgenticSource},
    {"ASI02", "Tool Misuse and Exploitation", kAgentic, kAgenticSource},
    {"ASI03", "Identity and Privilege Abuse", kAgentic, kAgenticSource},
    {"ASI04", "Agentic Supply Chain Vulnerabilities", kAgentic, kAgenticSource},
    {"ASI05", "Unexpected Code Execution (RCE)", kAgentic, kAgenticSource},
    {"ASI06", "Memory & Context Poisoning", kAgentic, kAgenticSource},
    {"ASI07", "Insecure Inter-Agent Communication", kAgentic, kAgenticSource},
    {"ASI08", "Cascading Failures", kAgentic, kAgenticSource},
    {"ASI09", "Human-Agent Trust Exploitation", kAgentic, kAgenticSource},
    {"ASI10", "Rogue Agents", kAgentic, kAgenticSource},
    // MCP06 is left out: its title is not the same in the project's own files.
    {"MCP01:2025", "Token Mismanagement & Secret Exposure", kMcp, kMcpSource},
    {"MCP02:2025", "Privilege Escalation via Scope Creep", kMcp, kMcpSource},
    {"MCP03:2025", "Tool Poisoning", kMcp, kMcpSource},
    {"MCP04:2025", "Software Supply Chain Attacks & Dependency Tampering", kMcp, kMcpSource},
    {"MCP05:2025", "Command Injection & Execution", kMcp, kMcpSource},
    {"MCP07:2025", "Insufficient Authentication & Authorization", kMcp, kMcpSource},
    {"MCP08:2025", "Lack of Audit and Telemetry", kMcp, kMcpSource},
    {"MCP09:2025", "Shadow MCP Servers", kMcp, kMcpSource},
    {"MCP10:2025", "Context Injection & Over-Sharing", kMcp, kMcpSource},
    {"API1:2023", "Broken Object Level Authorization", kApi, kApiSource},
    {"API2:2023", "Broken Authentication", kApi, kApiSource},
    {"API3:2023", "Broken Object Property Level Authorization", kApi, kApiSource},
    {"API4:2023", "Unrestricted Resource Consumption", kApi, kApiSource},
    {"API5:2023", "Broken Function Level Authorization", kApi, kApiSource},
    {"API6:2023", "Unrestricted Access to Sensitive Business Flows", kApi, kApiSource},
    {"API7:2023", "Server Side Request Forgery", kApi, kApiSource},
    {"API8:2023", "Security Misconfiguration", kApi, kApiSource},
    {"API9:2023", "Improper Inventory Management", kApi, kApiSource},
    {"API10:2023", "Unsafe Consumption of APIs", kApi, kApiSource},
};

}  // namespace

std::span<const Standard> standards() noexcept {
  return kStandards;
}

const Standard* find_standard(std::string_view id) noexcept {
  const auto found = std::ranges::find(kStandards, id, &Standard::id);
  return found == std::end(kStandards) ? nullptr : found;
}

}  // namespace writ::posture
